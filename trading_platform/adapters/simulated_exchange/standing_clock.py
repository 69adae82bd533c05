"""The clock of a market that stands between steps, in the process that steps it."""

from __future__ import annotations

from datetime import datetime

from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock


class StandingClock:
    """Fills the role `Clock`: the venue's time is asked for once after each `forget`.

    A cycle asks for it several times, and between two steps it doesn't move.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: VenueTime | None = None

    def forget(self) -> None:
        """The market may have moved."""
        self._told = None

    def wall(self) -> datetime:
        """Wall clock, aware UTC."""
        return self._clock.wall()

    def read(self) -> VenueTime:
        """Both clocks; a market that isn't standing is asked each time."""
        if self._told is None:
            told = self._clock.read()
            if told.speed:
                return told
            self._told = told
        return VenueTime(now=self._told.now, wall=self.wall(), speed=0.0)
