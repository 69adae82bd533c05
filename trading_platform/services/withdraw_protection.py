"""Take back the stop and target that rest for a symbol, and book what had become of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import structlog

from trading_platform.domain.errors import AskTheVenue, OrderNotKnown, RetryLater, SymbolNotTraded, TransitionForbidden
from trading_platform.domain.order import Order, OrderReport, OrderStatus
from trading_platform.services.settle_orders import settle_order
from trading_platform.services.trading_desk import TradingDesk

log = structlog.get_logger()


def withdraw_protection(desk: TradingDesk, symbol: str, why: str) -> bool:
    """Cancel what guards the symbol's position.

    A cancel may be repeated, so one whose answer was lost is simply made again by the next run. Nothing may be sold
    before the venue has told the end of every stop and target: one of them may have sold already.

    Returns
    -------
    bool
        Whether nothing guards it any more, and the ledger knows all that was filled.
    """
    give_up_intents(desk, symbol)
    for order in _at_work(desk, symbol):
        if order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
            settle_order(desk, order)
    left = _at_work(desk, symbol)
    if any(order.status in (OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN) for order in left):
        return False
    for group in {order.list_id or order.client_order_id: order for order in left}.values():
        members = [order for order in left if order == group or (group.list_id and order.list_id == group.list_id)]
        _cancel(desk, members, why)
    return not _at_work(desk, symbol)


def give_up_intents(desk: TradingDesk, symbol: str) -> None:
    """Close the stops and targets that were never sent: that they leave is committed before they do."""
    for order in _at_work(desk, symbol):
        if order.status is OrderStatus.INTENDED:
            desk.ledger.close_unfilled(
                order.client_order_id,
                rejected=False,
                why="its run ended before it was sent",
                code="never_sent",
                at=desk.clock.wall(),
                seen=OrderStatus.INTENDED,
            )


def _at_work(desk: TradingDesk, symbol: str) -> list[Order]:
    unsettled = desk.ledger.unsettled_orders(desk.account)
    return [order for order in unsettled if order.symbol == symbol and order.kind.is_protective]


def _cancel(desk: TradingDesk, members: Sequence[Order], why: str) -> None:
    for order in members:
        with suppress(TransitionForbidden):  # it has ended in the meantime
            desk.ledger.request_cancel(order.client_order_id, why, desk.clock.wall())
    try:
        reports = _cancel_at_venue(desk, members)
    except (OrderNotKnown, SymbolNotTraded):
        for order in members:  # filled, or cancelled by a request whose answer was lost
            settle_order(desk, order)
    except (AskTheVenue, RetryLater) as silence:
        log.warning("cancel_not_confirmed", client_order_id=members[0].client_order_id, why=str(silence))
    else:
        for report in reports:
            desk.ledger.book(report, desk.instrument_of_books(report.symbol), desk.clock.wall())


def _cancel_at_venue(desk: TradingDesk, members: Sequence[Order]) -> Sequence[OrderReport]:
    first = members[0]
    if first.list_id is None:
        return [desk.broker.cancel(first.symbol, first.client_order_id)]
    return desk.broker.cancel_list(first.symbol, first.list_id, [order.client_order_id for order in members])
