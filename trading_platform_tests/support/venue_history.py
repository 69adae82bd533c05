"""All that an account ever did at the simulated exchange, which tells at most a thousand rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.model import Order, Trade

PAGE_ROWS = 1000

T = TypeVar("T")


def every_order(exchange: Exchange, account: str, symbol: str, *, page_rows: int = PAGE_ROWS) -> list[Order]:
    """Orders of a symbol, oldest first; asked on the exchange's own thread."""
    return list(
        _pages(
            lambda first: exchange.all_orders(account, symbol, order_id=first, limit=page_rows),
            lambda order: order.order_id,
        )
    )


def every_trade(exchange: Exchange, account: str, symbol: str, *, page_rows: int = PAGE_ROWS) -> list[Trade]:
    """Fills in a symbol, oldest first; asked on the exchange's own thread."""
    return list(
        _pages(
            lambda first: exchange.my_trades(account, symbol, from_id=first, limit=page_rows),
            lambda trade: trade.trade_id,
        )
    )


def told_orders(client: Any, name: str) -> list[dict[str, Any]]:
    """Orders of a symbol as ccxt's client of Binance is told them over HTTP, oldest first."""
    return list(
        _pages(
            lambda first: client.privateGetAllOrders({"symbol": name, "orderId": first, "limit": PAGE_ROWS}),
            lambda order: int(order["orderId"]),
        )
    )


def told_trades(client: Any, name: str) -> list[dict[str, Any]]:
    """Fills in a symbol as ccxt's client of Binance is told them over HTTP, oldest first."""
    return list(
        _pages(
            lambda first: client.privateGetMyTrades({"symbol": name, "fromId": first, "limit": PAGE_ROWS}),
            lambda trade: int(trade["id"]),
        )
    )


def _pages(page: Callable[[int], Sequence[T]], number: Callable[[T], int]) -> Iterator[T]:
    first = 0
    while rows := page(first):
        yield from rows
        first = number(rows[-1]) + 1
