"""How far the venue's wall clock is from ours: measured now and then, on the client that is open anyway."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.wire_fields import moment
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.quality import ClockOffset

LIFETIME_SECONDS = 4.0
"""Shorter than a refresh and than a round of the watcher, so that each judges a measurement of its own."""

UNHURRIED_LIFETIME_SECONDS = 600.0
KEPT_SECONDS = 300.0
RETRY_SECONDS = 15.0
STEP_SECONDS = 1.0
"""A wall clock that has moved by so much against the monotonic one was set, or the computer slept."""

SAMPLES = 3
GOOD_UNCERTAINTY_SECONDS = 0.1


def wall_minus_monotonic() -> float:
    """Stays the same until somebody sets the wall clock, or the computer sleeps."""
    return time.time() - time.monotonic()


class CcxtClockOffset:
    """The best of a few samples, taken again when it is too old for whoever asks, and kept while the venue is silent.

    The best one is that of the shortest round trip: its error is bound the closest (the clock filter of RFC 5905,
    section 10). A sample that is good enough is the only one. What was measured before the wall clock was set is of no
    use, however young it is.
    """

    def __init__(self, client: CcxtClient, wall_minus_monotonic: Callable[[], float] = wall_minus_monotonic) -> None:
        self._client = client
        self._wall_minus_monotonic = wall_minus_monotonic
        self._set_to = 0.0
        self._offset: ClockOffset | None = None
        self._measured_at: float | None = None
        self._not_asked_before = -math.inf

    def read(
        self, lifetime_seconds: float = LIFETIME_SECONDS, kept_seconds: float = KEPT_SECONDS
    ) -> ClockOffset | None:
        """The newest measurement; None if the venue doesn't tell its time.

        Parameters
        ----------
        lifetime_seconds
            An older one is taken anew.
        kept_seconds
            How old it may be while the venue is silent.

        Raises
        ------
        RetryLater
            If there is none that is young enough.
        """
        now = self._client.monotonic_seconds()
        if abs(self._wall_minus_monotonic() - self._set_to) > STEP_SECONDS:
            self._measured_at, self._not_asked_before = None, -math.inf
        if self._age(now) >= lifetime_seconds and now >= self._not_asked_before:
            if self._measured_at is not None:
                self._not_asked_before = now + RETRY_SECONDS
            set_to = self._wall_minus_monotonic()
            try:
                self._offset = self._measure()
            except RetryLater:
                if not self._is_usable(now, kept_seconds):
                    raise
            else:
                self._measured_at, self._not_asked_before, self._set_to = now, now, set_to
        elif not self._is_usable(now, kept_seconds):
            raise RetryLater(f"{self._client.access.name} hasn't told its time for long")
        return self._offset

    def certainly_ahead(self) -> timedelta:
        """By how much the venue's clock is certainly ahead of ours, negative if behind; measured every ten minutes.

        The earliest that the venue's clock can have shown: its answer's way makes it late, by less than one round
        trip. An exchange that doesn't tell its time has ours. While it is silent, the last measurement is kept.
        """
        measured = self.read(UNHURRIED_LIFETIME_SECONDS, math.inf)
        ahead = 0.0 if measured is None else measured.offset_seconds - measured.uncertainty_seconds
        return timedelta(seconds=ahead)

    def _is_usable(self, now: float, kept_seconds: float) -> bool:
        return self._measured_at is not None and self._age(now) <= kept_seconds

    def _age(self, now: float) -> float:
        return math.inf if self._measured_at is None else now - self._measured_at

    def _measure(self) -> ClockOffset | None:
        best: ClockOffset | None = None
        for _ in range(SAMPLES):
            try:
                sample = self._sample()
            except FixSettings:  # the exchange doesn't tell its time
                return None
            if best is None or sample.uncertainty_seconds < best.uncertainty_seconds:
                best = sample
            if best.uncertainty_seconds <= GOOD_UNCERTAINTY_SECONDS:
                break
        return best

    def _sample(self) -> ClockOffset:
        sent_at, started = datetime.now(UTC), self._client.monotonic_seconds()
        milliseconds = self._client.read("time", lambda exchange: exchange.fetch_time())
        half = max(self._client.monotonic_seconds() - started, 0.0) / 2
        venue = moment(milliseconds, "the venue's time")
        # some venues, Kraken for one, tell whole seconds: the moment may be anywhere in that second
        grain = timedelta(seconds=0.5 if milliseconds % 1000 == 0 else 0)
        offset = venue + grain - (sent_at + timedelta(seconds=half))
        return ClockOffset(offset.total_seconds(), half + grain.total_seconds(), datetime.now(UTC))
