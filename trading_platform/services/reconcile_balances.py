"""Make the ledger's balances those of the venue, at moments when they can be compared."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.broker import VenueBalance
from trading_platform.services.look_at_venue_orders import look_at_venue_orders
from trading_platform.services.trading_desk import TradingDesk

_LOOKS = 2
"""The second after booking what the first has shown."""

log = structlog.get_logger()


def reconcile_balances(desk: TradingDesk) -> bool:
    """Adopt the venue's balances.

    While an order is in flight the two can't be compared: the venue may have booked what the ledger hasn't yet. The
    ledger refuses totals that were read before its own latest change, so a slow answer never undoes a booking. Stops
    and targets that rest are looked at after the balances were read: what rests untouched then hadn't traded before.

    Returns
    -------
    bool
        Whether the ledger now agrees with the venue.
    """
    try:
        for _ in range(_LOOKS):
            before = desk.ledger.account(desk.account)
            venue = {} if before.orders_in_flight else desk.broker.balances()
            is_comparable = look_at_venue_orders(desk) and not before.orders_in_flight
            if is_comparable:
                return _adopt(desk, venue, before.revision)
    except RetryLater as silence:
        log.warning("balances_not_reconciled", account=desk.account, why=str(silence))
    return False


def _adopt(desk: TradingDesk, venue: Mapping[str, VenueBalance], revision: int) -> bool:
    totals = {asset: balance.total for asset, balance in venue.items()}
    return desk.ledger.reconcile(desk.account, totals, at_revision=revision, at=desk.clock.wall())
