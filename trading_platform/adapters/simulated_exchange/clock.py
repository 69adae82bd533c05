"""The simulated exchange's clock, asked for seldom and carried on in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from trading_platform.adapters.simulated_exchange.control import MarketClock
from trading_platform.domain.venue_time import VenueTime

READING_LIFETIME_SECONDS = 5.0
CLOCK_GRAIN_SECONDS = 0.001  # the simulated exchange counts whole milliseconds of the wall clock


class TellsMarketTime(Protocol):
    """Whoever knows the market's time."""

    def clock(self) -> MarketClock:
        """The market's time now; raises RetryLater."""
        ...


@dataclass(frozen=True)
class _Reading:
    clock: MarketClock
    taken_at: float


class SimulatedVenueClock:
    """Never ahead of the market's own clock, and never going back on the same market.

    A reading counts from the moment it has arrived, so that the clock is late by the answer's way: a clock ahead of
    the market would take the candle in progress for a closed one. A market that steps is asked every time.

    Parameters
    ----------
    monotonic_seconds
        What measures the time since the last reading; tests pass their own.
    """

    def __init__(self, control: TellsMarketTime, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self._control = control
        self._monotonic_seconds = monotonic_seconds
        self._reading: _Reading | None = None
        self._latest: datetime | None = None

    def wall(self) -> datetime:
        """Wall clock, aware UTC."""
        return datetime.now(UTC)

    def read(self) -> VenueTime:
        """Both clocks; speed 0 while the market stands still, stepping or at its end."""
        reading = self._usable_reading()
        clock = reading.clock
        if clock.steps or clock.finished:
            return self._told(clock.now, 0.0)
        elapsed_seconds = max(0.0, self._monotonic_seconds() - reading.taken_at - CLOCK_GRAIN_SECONDS)
        now = clock.now + timedelta(seconds=elapsed_seconds) * clock.speed
        if clock.ends_at is not None and now >= clock.ends_at:
            return self._told(clock.ends_at, 0.0)
        return self._told(now, clock.speed)

    def _usable_reading(self) -> _Reading:
        known = self._reading
        if known is not None and not known.clock.steps:
            age = self._monotonic_seconds() - known.taken_at
            if age < READING_LIFETIME_SECONDS:
                return known
        clock = self._control.clock()
        if known is not None and known.clock.market_id != clock.market_id:
            self._latest = None
        self._reading = _Reading(clock, self._monotonic_seconds())
        return self._reading

    def _told(self, now: datetime, speed: float) -> VenueTime:
        self._latest = now if self._latest is None else max(self._latest, now)
        return VenueTime(now=self._latest, wall=self.wall(), speed=speed)
