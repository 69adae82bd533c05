"""Role: telling the time, on the wall and at the venue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from trading_platform.domain.venue_time import VenueTime


class Clock(Protocol):
    """Both clocks. The only source of "now" for services."""

    def wall(self) -> datetime:
        """Wall clock, aware UTC."""
        ...

    def read(self) -> VenueTime:
        """Both clocks at one moment.

        Raises
        ------
        RetryLater
            If the venue doesn't tell its time.
        """
        ...


class WallClock:
    """The computer's own clock, for a venue that lives on it."""

    def wall(self) -> datetime:
        """Wall clock, aware UTC."""
        return datetime.now(UTC)

    def read(self) -> VenueTime:
        """The wall clock, twice."""
        now = self.wall()
        return VenueTime(now=now, wall=now)
