"""A clock that moves when it is told to."""

from __future__ import annotations

from datetime import datetime, timedelta

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.venue_time import VenueTime


class FakeClock:
    """Fills the role `Clock`; both clocks start at `start`.

    Parameters
    ----------
    speed
        Venue seconds per wall second; 0 stands still.
    """

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        self._wall = start
        self._venue = start
        self._speed = speed
        self.venue_is_silent = False

    def wall(self) -> datetime:
        """Wall clock."""
        return self._wall

    def read(self) -> VenueTime:
        """Both clocks; RetryLater while the venue is silent."""
        if self.venue_is_silent:
            raise RetryLater("the venue doesn't tell its time")
        return VenueTime(now=self._venue, wall=self._wall, speed=self._speed)

    def advance(self, seconds: float) -> None:
        """Let wall seconds pass, and the venue's with them."""
        self._wall += timedelta(seconds=seconds)
        self._venue += timedelta(seconds=seconds * self._speed)

    def set_wall(self, seconds: float) -> None:
        """Let somebody set the wall clock by so much, the venue's staying as it is."""
        self._wall += timedelta(seconds=seconds)

    def step_venue(self, seconds: float) -> None:
        """Let the venue's clock alone move on, as a stepped replay does."""
        self._venue += timedelta(seconds=seconds)
