"""The account's own events, for speed: whatever they speak of is asked for by REST, which tells the truth."""

from __future__ import annotations

import asyncio

import structlog

from trading_platform.domain.errors import PlatformError
from trading_platform.domain.order import Order, OrderStatus
from trading_platform.ports.order_news import OrderNews, OrderNewsStream
from trading_platform.services.settle_orders import settle_order
from trading_platform.services.trading_desk import TradingDesk

log = structlog.get_logger()


async def follow_news(news: OrderNewsStream, desk: TradingDesk) -> None:
    """Book what happens to orders that rest, until cancelled.

    A trade run may do the same at the same time: booking a report again changes nothing.
    """
    try:
        async for each in news.events():
            await asyncio.to_thread(take_up_news, desk, each)
    finally:
        await news.close()


def take_up_news(desk: TradingDesk, news: OrderNews) -> None:
    """Ask for the order, if it is one that nobody is asking for anyhow."""
    try:
        for order in _meant(desk, news):
            settle_order(desk, order)
    except PlatformError as trouble:
        log.warning("order_news_left_to_the_next_run", client_order_id=news.client_order_id, why=str(trouble))


def _meant(desk: TradingDesk, news: OrderNews) -> list[Order]:
    if news.client_order_id is None:
        return [order for order in desk.ledger.unsettled_orders(desk.account) if _waits(order)]
    order = desk.ledger.order(news.client_order_id)
    return [order] if order is not None and order.account == desk.account and _waits(order) else []


def _waits(order: Order) -> bool:
    """A run that is sending an order gets its answer; what rests, or is unknown, waits for the next run."""
    return order.rests or order.status is OrderStatus.UNKNOWN
