"""Where candles stand on the horizontal axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_platform.domain.candle import Gap, Interval, find_gaps

Array = npt.NDArray[np.float64]

_GAP_WIDTH_CANDLES = 4.0
_TICK_STEPS_SECONDS = [60 * minutes for minutes in (1, 5, 10, 15, 20, 30)] + [
    3600 * hours for hours in (1, 2, 4, 6, 12, 24, 48, 96, 192, 768, 3072, 12288)
]


@dataclass(frozen=True)
class GapSpan:
    """Missing candles, drawn as a strip of fixed width: a long outage must not squeeze the candles."""

    start: float
    end: float
    missing: Gap


class Timeline:
    """Candles side by side at distance 1, with strips where some are missing.

    Parameters
    ----------
    open_times
        Ascending open times of the candles.
    """

    def __init__(self, open_times: pd.DatetimeIndex, interval: Interval) -> None:
        self._seconds = _epoch_seconds(open_times)
        missing = np.diff(self._seconds) // interval.seconds - 1
        self._gap_rows = np.flatnonzero(missing > 0)
        shifts = np.zeros(len(open_times))
        shifts[self._gap_rows + 1] = _GAP_WIDTH_CANDLES
        self.x: Array = np.arange(len(open_times), dtype=np.float64) + np.cumsum(shifts)
        gaps = find_gaps(open_times.to_pydatetime().tolist(), interval)
        self.gaps = [
            GapSpan(self.x[row] + 0.5, self.x[row + 1] - 0.5, gap)
            for row, gap in zip(self._gap_rows, gaps, strict=True)
        ]

    def row_of(self, open_time: datetime) -> int | None:
        """Row of the candle that opened then, or None if it isn't shown."""
        found = np.flatnonzero(self._seconds == open_time.timestamp())
        return int(found[0]) if found.size else None

    def broken_at_gaps(self, values: Array) -> tuple[Array, Array]:
        """Coordinates of a line that doesn't pretend to know what happened in a gap."""
        after = self._gap_rows + 1
        return np.insert(self.x, after, self.x[self._gap_rows] + 1.0), np.insert(values, after, np.nan)

    def ticks(self, at_most: int) -> tuple[Sequence[float], list[str]]:
        """Positions and labels (UTC) of candles on round times, as close as the shown candles allow: not the gaps."""
        for step in _TICK_STEPS_SECONDS:
            rows = np.flatnonzero(self._seconds % step == 0)
            if rows.size <= at_most:
                break
        return self.x[rows].tolist(), time_labels(self._seconds[rows])


def round_times(first: float, last: float, at_most: int) -> Array:
    """Evenly spaced round times (UTC, seconds since the epoch) from first to last, both included."""
    for step in _TICK_STEPS_SECONDS:
        times = np.arange(np.ceil(first / step) * step, last + 1.0, step)
        if times.size <= at_most:
            break
    return times


def time_labels(times: Array) -> list[str]:
    """The hour within a day, the date at midnight."""
    moments = [datetime.fromtimestamp(seconds, UTC) for seconds in times]
    return [moment.strftime("%d %b" if moment.time() == time(0) else "%H:%M") for moment in moments]


def _epoch_seconds(times: pd.DatetimeIndex) -> Array:
    seconds: Array = times.as_unit("ms").asi8 / 1000.0
    return seconds
