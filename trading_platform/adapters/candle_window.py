"""The newest candles of one series in memory, as exact values and as floats."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.series_store import RangeVersion

_PRICES = ("open", "high", "low", "close", "volume")
_COLUMNS = pd.Index(_PRICES)  # made once: pandas takes longer for it than for the numbers
_OPEN_TIME = attrgetter("open_time")


class CandleWindow:
    """All candles of a series from some open time on.

    Parameters
    ----------
    rows
        Ascending, at least one.
    version
        State of the rows, read before they were: rows that changed in between show as another version later.
    checked_at
        When, on the owner's clock, the version was last compared with the store's.
    position
        The change up to which the rows are certain to be as the store has them, if it tells its changes.
    """

    def __init__(self, rows: Sequence[Candle], version: RangeVersion, checked_at: float, position: int = 0) -> None:
        self.version: RangeVersion | None = version
        self.checked_at = checked_at
        self.position = position
        self.loaded = len(rows)
        self._rows: list[Candle] = []
        self._times: npt.NDArray[np.datetime64] = np.empty(0, dtype="datetime64[ns]")
        self._values: npt.NDArray[np.float64] = np.empty((0, len(_PRICES)))
        self.extend(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def first(self) -> datetime:
        """Open time of the oldest candle held."""
        return self._rows[0].open_time

    @property
    def last(self) -> datetime:
        """Open time of the newest candle."""
        return self._rows[-1].open_time

    def extend(self, rows: Sequence[Candle]) -> None:
        """Add newer candles."""
        if not rows:
            return
        self._rows += rows
        times = [np.datetime64(row.open_time.replace(tzinfo=None), "ns") for row in rows]
        values = [[float(getattr(row, name)) for name in _PRICES] for row in rows]
        self._times = np.concatenate([self._times, times])
        self._values = np.concatenate([self._values, values])

    def replace(self, rows: Sequence[Candle]) -> None:
        """Take rows over as they were written, in order; those before the window are none of its business.

        The version isn't known any more then: at the next comparison the window is read anew.
        """
        if not rows:
            return
        self.version = None
        by_time = {row.open_time: row for row in self._rows}
        by_time.update({row.open_time: row for row in rows if row.open_time >= self.first})
        ascending = [by_time[open_time] for open_time in sorted(by_time)]
        self._rows, self._times, self._values = [], self._times[:0], self._values[:0]
        self.extend(ascending)

    def is_unbroken(self, since: datetime, interval: Interval) -> bool:
        """Whether the window holds every candle from `since` to its last."""
        first = bisect_left(self._rows, since, key=_OPEN_TIME)
        held = self._rows[first:]
        return bool(held) and held[0].open_time == since and since + (len(held) - 1) * interval.length == self.last

    def take_over(self, candles: Sequence[Candle], inserted: int) -> bool:
        """Add what was just written, if it was nothing but so many candles after the last; whether it was."""
        newer = [candle for candle in candles if candle.open_time > self.last]
        ascend = all(earlier.open_time < later.open_time for earlier, later in pairwise(newer))
        if self.version is None or len(newer) != inserted or not ascend:
            return False
        self.version = RangeVersion(self.version.candles + inserted, self.version.corrections)
        self.extend(newer)
        return True

    def find(self, start: datetime | None, end: datetime | None, newest: int | None) -> slice | None:
        """Where the candles with start <= open_time < end are, the newest so many; None if older ones are missing."""
        last = len(self) if end is None else bisect_left(self._rows, end, key=_OPEN_TIME)
        first = 0 if start is None else bisect_left(self._rows, start, key=_OPEN_TIME)
        if newest is not None and last - first >= newest:
            return slice(last - newest, last)
        is_complete = start is not None and start >= self.first
        return slice(first, max(first, last)) if is_complete else None

    def candles(self, where: slice) -> list[Candle]:
        """Exact values."""
        return self._rows[where]

    def frame(self, where: slice) -> pd.DataFrame:
        """A frame of the caller's own."""
        index = pd.DatetimeIndex(self._times[where].copy(), name="open_time").tz_localize("UTC")
        return pd.DataFrame(self._values[where].copy(), index=index, columns=_COLUMNS)
