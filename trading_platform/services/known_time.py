"""The time for what must not wait for the venue to tell it: exits, their record, the kill switch (I7)."""

from __future__ import annotations

import structlog

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger

log = structlog.get_logger()


def known_time(ledger: Ledger, clock: Clock, account: str) -> VenueTime:
    """Both clocks; while the venue doesn't tell its own, that of the last agreement with it, or the wall clock's.

    Nothing becomes due by it, and no candle closes: it stands still.
    """
    try:
        return clock.read()
    except RetryLater as silence:
        log.warning("venue_time_unknown", account=account, why=str(silence))
        wall = clock.wall()
        return VenueTime(ledger.account(account).reconciled_venue_time or wall, wall, speed=0.0)
