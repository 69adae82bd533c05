"""Make the ledger's balances those of the venue, at moments when they can be compared."""

from __future__ import annotations

import structlog

from trading_platform.domain.errors import RetryLater
from trading_platform.services.trading_desk import TradingDesk

log = structlog.get_logger()


def reconcile_balances(desk: TradingDesk) -> bool:
    """Adopt the venue's balances.

    While an order is in flight the two can't be compared: the venue may have booked what the ledger hasn't yet. The
    ledger refuses totals that were read before its own latest change, so a slow answer never undoes a booking.

    Returns
    -------
    bool
        Whether the ledger now agrees with the venue.
    """
    before = desk.ledger.account(desk.account)
    if before.orders_in_flight:
        return False
    try:
        venue = desk.broker.balances()
    except RetryLater as silence:
        log.warning("balances_not_reconciled", account=desk.account, why=str(silence))
        return False
    totals = {asset: balance.total for asset, balance in venue.items()}
    return desk.ledger.reconcile(desk.account, totals, at_revision=before.revision, at=desk.clock.wall())
