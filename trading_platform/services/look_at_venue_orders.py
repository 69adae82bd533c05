"""What lies open at the venue, against what the ledger thinks lies there: orphans are found here, and resolved."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog

from trading_platform.domain.errors import AskTheVenue, OrderNotKnown, PlatformError, RetryLater
from trading_platform.domain.order import Order
from trading_platform.domain.signal import is_our_order_id
from trading_platform.ports.broker import OpenOrder
from trading_platform.services.exits_first import exits_first
from trading_platform.services.settle_orders import LOST, settle_order
from trading_platform.services.trading_desk import TradingDesk

FOREIGN = "foreign order "

log = structlog.get_logger()


def look_at_venue_orders(desk: TradingDesk) -> bool:
    """Compare the orders open at the venue with the ledger's, and resolve what differs.

    ======================================================  =====================================================
    an order at rest that the venue doesn't show any more   asked for by its id and booked
    … and doesn't know either                               ended as expired, incident; the position is protected
    an order that the ledger holds for ended                cancelled, and its late fills booked
    an order with our form of id, unknown to the ledger     cancelled, incident
    any other order                                         never touched; incident, and no entries while it is there
    ======================================================  =====================================================

    Returns
    -------
    bool
        Whether all that rests does so as the ledger has it, and nothing had to be resolved: then none of it has traded
        before the moment of asking.

    Raises
    ------
    FixSettings, RetryLater
        If the venue doesn't tell; of one order, after the others were seen to.
    """
    unsettled, found = _on_both_sides(desk)
    moved, troubles = _moved(unsettled, found), list[PlatformError]()
    for resting in moved:
        with exits_first(troubles):
            settle_order(desk, resting)
    as_known = not moved
    unknown = [order for order_id, order in found.items() if order_id not in unsettled]
    for order in unknown:
        as_known = _resolve(desk, order) and as_known
    _close_incidents(desk, {_key(order) for order in unknown})
    if troubles:
        raise troubles[0]
    return as_known


def moved_orders(desk: TradingDesk) -> list[Order]:
    """Orders at rest of which the venue shows something else than is booked; nothing is done about them here."""
    return _moved(*_on_both_sides(desk))


def _on_both_sides(desk: TradingDesk) -> tuple[dict[str, Order], dict[str, OpenOrder]]:
    """What isn't final by the ledger, and what lies open at the venue, by client order id."""
    unsettled = {order.client_order_id: order for order in desk.ledger.unsettled_orders(desk.account)}
    held = {position.symbol for position in desk.ledger.open_positions(desk.account)}
    symbols = held | set(desk.settings.market.symbols) | {order.symbol for order in unsettled.values()}
    return unsettled, {order.client_order_id: order for order in desk.broker.open_orders(sorted(symbols))}


def _moved(unsettled: Mapping[str, Order], found: Mapping[str, OpenOrder]) -> list[Order]:
    resting = [(order, found.get(order_id)) for order_id, order in unsettled.items() if order.lies_still]
    return [order for order, shown in resting if shown is None or shown.filled_quantity != order.filled_quantity]


def _resolve(desk: TradingDesk, found: OpenOrder) -> bool:
    """Deal with an order that the ledger doesn't know as open; whether it concerns nothing of ours."""
    known, wall = desk.ledger.order(found.client_order_id), desk.clock.wall()
    if known is None and not is_our_order_id(found.client_order_id):
        desk.journal.open_incident(
            _key(found),
            f"An order in {found.symbol} that isn't the platform's",
            f"{found.side} {found.client_order_id} lies at the venue; no entries are made while it does",
            wall,
        )
        return True
    if known is not None and not known.status.is_final:
        return True  # sent by a run beside this one, after the ledger was read
    log.error("order_at_venue_that_should_not_be", client_order_id=found.client_order_id, symbol=found.symbol)
    try:
        report = desk.broker.cancel(found.symbol, found.client_order_id)
    except (OrderNotKnown, AskTheVenue, RetryLater) as silence:
        log.warning("cancel_not_confirmed", client_order_id=found.client_order_id, why=str(silence))
        return False
    if known is not None:
        desk.ledger.book(report, desk.instrument_of_books(found.symbol), wall)
    else:
        desk.journal.open_incident(
            _key(found),
            f"An order in {found.symbol} that the ledger doesn't know",
            f"{found.side} {found.client_order_id} had our form of id; it was cancelled with "
            f"{report.filled_quantity} filled, and the balances are taken from the venue",
            wall,
        )
    return False


def _key(order: OpenOrder) -> str:
    return (LOST if is_our_order_id(order.client_order_id) else FOREIGN) + order.client_order_id


def _close_incidents(desk: TradingDesk, standing: Collection[str]) -> None:
    for incident in desk.journal.open_incidents():
        if incident.key.startswith((FOREIGN, LOST)) and incident.key not in standing:
            what = incident.key.rpartition(" ")[2]
            desk.journal.close_incident(
                incident.key, "The venue's orders are the ledger's", f"{what} is gone", desk.clock.wall()
            )
