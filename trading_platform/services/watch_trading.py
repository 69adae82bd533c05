"""Noticing that trading itself has fallen silent: its sensor may tick, its runs may start, and still nothing ends."""

from __future__ import annotations

from datetime import datetime

from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.ledger import Ledger
from trading_platform.services.reconcile_balances import last_compared_at

KEY = "trading"


def watch_trading(
    ledger: Ledger, journal: HealthJournal, clock: Clock, account: str, limit_seconds: float, *, watched_since: datetime
) -> bool:
    """Open an incident when no trade run has compared the account with the venue for too long; close it afterwards.

    Every way for trading to stop ends here: runs that fail or never start, a venue that doesn't answer, an order that
    stays unsettled.

    Parameters
    ----------
    limit_seconds
        The longest silence, on the wall clock.
    watched_since
        Silence before that is the time when the platform was stopped.

    Returns
    -------
    bool
        Whether trading works.
    """
    wall = clock.wall()
    state = ledger.account(account)
    last = last_compared_at(ledger, account)
    silent_seconds = (wall - max(filter(None, (last, watched_since)))).total_seconds()
    if silent_seconds <= limit_seconds:
        if last is not None and (wall - last).total_seconds() <= limit_seconds:
            journal.close_incident(KEY, "Trading works again", f"{account} agrees with the venue", wall)
        return True
    since = f"since {last:%H:%M:%S} UTC" if last else "since the platform was started"
    orders = f"; {state.orders_in_flight} orders are unsettled" if state.orders_in_flight else ""
    journal.open_incident(
        KEY, "Trading stands still", f"no trade run has reconciled {account} {since}{orders}; see the trade runs", wall
    )
    return False
