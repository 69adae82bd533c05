"""The clock of a real venue: the wall clock corrected by the measured difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.wire_fields import epoch_ms, moment
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.venue_time import VenueTime

OFFSET_LIFETIME_SECONDS = 600.0
_RETRY_SECONDS = 30.0
_SAMPLES = 3


class CcxtVenueClock:
    """Never ahead of the venue's own clock.

    A clock that is ahead would take the candle in progress for a closed one. So the venue's time counts from the
    moment its answer has arrived: the answer's way makes the clock late, by less than one round trip.
    """

    def __init__(self, client: CcxtClient) -> None:
        self._client = client
        self._offset = timedelta(0)
        self._next_measurement: float | None = None

    def wall(self) -> datetime:
        """Wall clock, aware UTC."""
        return datetime.now(UTC)

    def read(self) -> VenueTime:
        """Both clocks; the difference is measured anew every ten minutes, and kept while the venue is silent."""
        due = self._next_measurement
        if due is None or self._client.monotonic_seconds() >= due:
            self._measure(is_first=due is None)
        wall = self.wall()
        return VenueTime(now=wall + self._offset, wall=wall)

    def _measure(self, *, is_first: bool) -> None:
        try:
            self._offset = sorted(self._sample() for _ in range(_SAMPLES))[_SAMPLES // 2]
        except RetryLater:
            if is_first:
                raise
            self._next_measurement = self._client.monotonic_seconds() + _RETRY_SECONDS
        else:
            self._next_measurement = self._client.monotonic_seconds() + OFFSET_LIFETIME_SECONDS

    def _sample(self) -> timedelta:
        try:
            milliseconds = self._client.read("time", lambda exchange: exchange.fetch_time())
        except FixSettings:  # the exchange doesn't tell its time
            return timedelta(0)
        return moment(milliseconds, "the venue's time") - moment(epoch_ms(self.wall()), "the wall clock")
