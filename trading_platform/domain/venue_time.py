"""The venue's clock beside the wall clock: the same in life, different in a replay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class VenueTime:
    """One reading of both clocks, taken at the same moment.

    Parameters
    ----------
    now
        Time on the venue's clock (aware UTC): market durations are measured on it.
    wall
        Time on the wall clock (aware UTC): timeouts and lateness are measured on it.
    speed
        Venue seconds per wall second; 0 while the venue's clock stands still (stepping, or a finished replay).
    """

    now: datetime
    wall: datetime
    speed: float = 1.0

    def wall_seconds_since(self, moment: datetime) -> float:
        """Wall seconds that passed since the venue's clock showed `moment`; negative if it is still to come.

        A clock that stands still can't be late: its future stays in the future, and its past is told in its own
        seconds.
        """
        market_seconds = (self.now - moment).total_seconds()
        return market_seconds / self.speed if self.speed > 0 else market_seconds

    def venue_seconds(self, wall_seconds: float) -> float:
        """Venue seconds that pass during `wall_seconds`."""
        return wall_seconds * self.speed
