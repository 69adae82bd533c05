"""When data is too old to act on: one rule for the checks, the trade gate and ``status``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.candle import Interval
from trading_platform.domain.venue_time import VenueTime


@dataclass(frozen=True)
class Freshness:
    """Verdict on one series.

    Parameters
    ----------
    newest_open_time
        Open time of the newest closed candle, or None if there is none.
    lateness_seconds
        Wall-clock seconds since the next candle's close was due; negative while it isn't due yet, None without data.
    """

    symbol: str
    interval: str
    newest_open_time: datetime | None
    lateness_seconds: float | None
    limit_seconds: float

    @property
    def is_fresh(self) -> bool:
        """Fails closed: no data is stale data."""
        return self.lateness_seconds is not None and self.lateness_seconds <= self.limit_seconds

    @property
    def reason(self) -> str:
        """The verdict in plain words."""
        series = f"{self.symbol} {self.interval}"
        if self.newest_open_time is None or self.lateness_seconds is None:
            return f"{series}: no candle stored yet"
        newest = f"newest candle opened {self.newest_open_time:%Y-%m-%d %H:%M:%S} UTC"
        if self.lateness_seconds <= 0:
            return f"{series}: {newest}; the next close is due in {abs(self.lateness_seconds):.0f} s"
        verdict = "within" if self.is_fresh else "beyond"
        return (
            f"{series}: {newest}; the next close was due {self.lateness_seconds:.0f} s ago, "
            f"{verdict} the limit of {self.limit_seconds:.0f} s"
        )


def assess_candles(
    symbol: str, interval: Interval, newest_open_time: datetime | None, now: VenueTime, limit_seconds: float
) -> Freshness:
    """Judge a candle series by its own newest candle.

    The next close is due two intervals after the newest closed candle opened. What is late is measured on the wall
    clock, so that a replay at speed N isn't called stale for the platform's own cadence.
    """
    lateness = None
    if newest_open_time is not None:
        next_close_due = newest_open_time + 2 * interval.length
        lateness = now.wall_seconds_since(next_close_due)
    return Freshness(symbol, interval.name, newest_open_time, lateness, limit_seconds)
