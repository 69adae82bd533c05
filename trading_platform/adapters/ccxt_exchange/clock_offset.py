"""How far the venue's wall clock is from ours: measured now and then, on the client that is open anyway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.wire_fields import moment
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.quality import ClockOffset

LIFETIME_SECONDS = 10.0
"""Shorter than a refresh, so that every tick judges a measurement of its own."""

KEPT_SECONDS = 300.0
RETRY_SECONDS = 15.0
SAMPLES = 3
GOOD_UNCERTAINTY_SECONDS = 0.1


class CcxtClockOffset:
    """The best of a few samples, taken again after ten seconds, and kept for five while the venue is silent.

    The best one is that of the shortest round trip: its error is bound the closest (the clock filter of RFC 5905,
    section 10). A sample that is good enough is the only one.
    """

    def __init__(self, client: CcxtClient) -> None:
        self._client = client
        self._offset: ClockOffset | None = None
        self._measured_at: float | None = None
        self._next_measurement = float("-inf")

    def read(self) -> ClockOffset | None:
        """The newest measurement; None if the venue doesn't tell its time.

        Raises
        ------
        RetryLater
            If there is none that is young enough.
        """
        now = self._client.monotonic_seconds()
        if now >= self._next_measurement:
            self._next_measurement = now + RETRY_SECONDS
            try:
                self._offset = self._measure()
            except RetryLater:
                if not self._is_usable(now):
                    raise
            else:
                self._measured_at = now
                self._next_measurement = now + LIFETIME_SECONDS
        elif not self._is_usable(now):
            raise RetryLater(f"{self._client.access.name} hasn't told its time for long")
        return self._offset

    def _is_usable(self, now: float) -> bool:
        return self._measured_at is not None and now - self._measured_at <= KEPT_SECONDS

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
