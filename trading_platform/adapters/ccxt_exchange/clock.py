"""The clock of a real venue: the wall clock corrected by the measured difference."""

from __future__ import annotations

from datetime import UTC, datetime

from trading_platform.adapters.ccxt_exchange.clock_offset import CcxtClockOffset
from trading_platform.domain.venue_time import VenueTime


class CcxtVenueClock:
    """Never ahead of the venue's own clock.

    A clock that is ahead would take the candle in progress for a closed one. So the venue's time counts from the
    moment its answer has arrived: the answer's way makes the clock late, by less than one round trip.

    Parameters
    ----------
    offset
        The process's one measurement of the venue's clock: what the check of clocks asks for serves here as well.
    """

    def __init__(self, offset: CcxtClockOffset) -> None:
        self._offset = offset

    def wall(self) -> datetime:
        """Wall clock, aware UTC."""
        return datetime.now(UTC)

    def read(self) -> VenueTime:
        """Both clocks; the difference is at most ten minutes old, and kept while the venue is silent."""
        ahead = self._offset.certainly_ahead()
        wall = self.wall()
        return VenueTime(now=wall + ahead, wall=wall)
