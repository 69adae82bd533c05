"""Telling the owner that a remote store is away: nothing is lost meanwhile, and there is time to bring it back (I6)."""

from __future__ import annotations

from datetime import datetime

from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.store_spool import SpoolState, StoreSpool
from trading_platform.settings import StoreSettings

KEY = "store"
FILLING = "store:spool"
REFUSED = "store:refused"


def watch_store(
    spool: StoreSpool, journal: HealthJournal, clock: Clock, settings: StoreSettings, trouble: str
) -> SpoolState:
    """Open incidents while writes wait for too long, fill the spool, or were refused; close those that are over.

    Parameters
    ----------
    trouble
        Why the store doesn't take them, as far as this process knows.
    """
    state, wall = spool.state(), clock.wall()
    _watch_outage(state, journal, wall, settings.outage_incident_seconds, trouble)
    _watch_bound(state, journal, wall, float(settings.spool_alert_share))
    if state.refused:
        journal.open_incident(
            REFUSED,
            "The store refuses some points for good",
            f"{state.refused} writes were set aside in the table store_refusals, with the reason; the others go on",
            wall,
        )
    else:
        journal.close_incident(REFUSED, "No refused points are left", "store_refusals is empty", wall)
    return state


def _watch_outage(
    state: SpoolState, journal: HealthJournal, wall: datetime, limit_seconds: float, trouble: str
) -> None:
    if state.oldest_at is None:
        journal.close_incident(KEY, "The store has everything again", "nothing waits in the spool", wall)
    elif (wall - state.oldest_at).total_seconds() > limit_seconds:
        why = f": {trouble}" if trouble else ""
        journal.open_incident(
            KEY,
            "The store takes nothing",
            f"{state.points:,} points wait in the spool, since {state.oldest_at:%H:%M:%S} UTC; "
            f"nothing is lost, and what is known is still traded on{why}",
            wall,
        )


def _watch_bound(state: SpoolState, journal: HealthJournal, wall: datetime, share: float) -> None:
    limit = share * state.bound_points
    if state.points >= limit:
        journal.open_incident(
            FILLING,
            "The store's spool is filling up",
            f"{state.points:,} of {state.bound_points:,} points (store.spool_points) wait; "
            "when it is full nothing new is stored, and what candles are missing then must be fetched again",
            wall,
        )
    elif state.points < limit / 2:
        journal.close_incident(FILLING, "The store's spool has room again", f"{state.points:,} points wait", wall)
