"""A series store with a memory: windows of candles that are extended row by row, and prices of the last seconds.

The store stays the truth. What is in memory is compared with it, all series in one question, when the last comparison
is older than `candle_check_seconds`, and at once after this process itself has written: so rows that another process
adds, corrects or fills in later are noticed, and a tick reads only what is new.

A store that is out of reach can't be compared with. If it tells what has been written since (`ChangeFeed`), the windows
are brought up to date by that; otherwise nothing is served that can't be compared.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Protocol

import pandas as pd

from trading_platform.adapters.candle_window import CandleWindow
from trading_platform.adapters.hole_memory import KnownHoles
from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import CandleBatch
from trading_platform.ports.clock import WallClock
from trading_platform.ports.series_store import CandleRange, CandleWrite, SeriesStore, SeriesVersion

_RESERVE = 1.1  # read at first, so that a request for a few more is served, too
_GROWTH = 1.5  # beyond it a window is read anew, shorter
_SMALLEST_WINDOW = 10  # what asks for less wants no window
_NEVER = float("-inf")
_LATER = timedelta(microseconds=1)

_Series = tuple[str, Interval]


class ChangeFeed(Protocol):
    """Tells what is written to a store, even while the store itself is silent."""

    def position(self) -> int:
        """What is read from the store from now on contains all changes up to this one."""
        ...

    def candles_since(self, position: int, symbol: str, interval: Interval) -> tuple[int, list[Candle]]:
        """A series' candles as they were written after that, in order, and the position that they lead to.

        Raises
        ------
        RetryLater
            If it can't be told, for instance because it is too long ago.
        """
        ...


class CachingSeriesStore:
    """Fills the role `SeriesStore` over another one.

    Parameters
    ----------
    most_candles
        Held at once, all series together; those used longest ago go first. A window larger than a quarter of it isn't
        kept.
    price_seconds
        Older prices come from the store, whatever their age is there: whoever uses a price judges it
        (`Ticker.age_seconds`).
    changes
        Of the store, if it can tell them.
    """

    def __init__(
        self,
        store: SeriesStore,
        *,
        most_candles: int,
        candle_check_seconds: float,
        price_seconds: float,
        changes: ChangeFeed | None = None,
        wall: Callable[[], datetime] | None = None,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._most_candles = most_candles
        self._check_seconds = candle_check_seconds
        self._price_seconds = price_seconds
        self._changes = changes
        self._wall = wall or WallClock().wall
        self._now = monotonic_seconds
        self._lock = threading.RLock()
        self._windows: OrderedDict[_Series, CandleWindow] = OrderedDict()
        self._prices: dict[str, Ticker] = {}
        self._holes: dict[_Series, KnownHoles] = {}
        self._gaps: dict[_Series, KnownHoles] = {}
        self._values: dict[_Series, dict[datetime, dict[str, float]]] = {}

    def write_candles(
        self, symbol: str, interval: Interval, candles: Sequence[Candle], *, source: str, received_at: datetime
    ) -> CandleWrite:
        """Insert, or replace where the values differ."""
        written = None
        try:
            written = self._store.write_candles(symbol, interval, candles, source=source, received_at=received_at)
            return written
        finally:  # a write whose answer was lost may have happened
            self._note_write((symbol, interval), candles, written)

    def write_batches(self, batches: Sequence[CandleBatch]) -> list[CandleWrite]:
        """Insert, or replace where the values differ."""
        written: Sequence[CandleWrite | None] = [None] * len(batches)
        try:
            answer = written = self._store.write_batches(batches)
            return answer
        finally:
            for batch, told in zip(batches, written, strict=True):
                self._note_write((batch.symbol, batch.interval), batch.candles, told)

    def candles(
        self,
        symbol: str,
        interval: Interval,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        newest: int | None = None,
    ) -> list[Candle]:
        """Exact candles, ascending."""
        with self._lock:
            window = self._window((symbol, interval), newest if start is None and end is None else None)
            found = window and window.find(start, end, newest)
            if window and found:
                return window.candles(found)
        return self._store.candles(symbol, interval, start=start, end=end, newest=newest)

    def candle_frame(
        self, symbol: str, interval: Interval, *, end: datetime | None = None, newest: int | None = None
    ) -> pd.DataFrame:
        """Candles as float64; the caller's own."""
        with self._lock:
            window = self._window((symbol, interval), newest if end is None else None)
            found = window and window.find(None, end, newest)
            if window and found:
                return window.frame(found)
        return self._store.candle_frame(symbol, interval, end=end, newest=newest)

    def newest_open_time(self, symbol: str, interval: Interval) -> datetime | None:
        """Open time of the newest stored candle."""
        with self._lock:
            window = self._window((symbol, interval), None)
            if window:
                return window.last
        return self._store.newest_open_time(symbol, interval)

    def open_times(self, symbol: str, interval: Interval, *, newest: int) -> list[datetime]:
        """Open times of the newest so many candles, ascending."""
        with self._lock:
            window = self._window((symbol, interval), None)
            found = window and window.find(None, None, newest)
            if window and found:
                return [candle.open_time for candle in window.candles(found)]
        return self._store.open_times(symbol, interval, newest=newest)

    def count_candles(self, symbol: str, interval: Interval) -> int:
        """Number of stored candles."""
        return self._store.count_candles(symbol, interval)

    def versions(self, ranges: Sequence[CandleRange]) -> list[SeriesVersion]:
        """The state of each range."""
        return self._store.versions(ranges)

    def candles_per_day(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> dict[date, int]:
        """Number of stored candles per day, from the store."""
        return self._store.candles_per_day(symbol, interval, start=start, end=end)

    def missing_candles(self, symbol: str, interval: Interval, *, start: datetime) -> list[Gap]:
        """Holes between stored candles; from memory while the window's candles join on to those that were read."""
        with self._lock:
            series, now = (symbol, interval), self._now()
            window, known = self._window(series, None), self._holes.get(series)
            told = known.since(start, interval, now, window) if known and window else None
            if told is None:
                told = self._store.missing_candles(symbol, interval, start=start)
                if window:
                    self._holes[series] = KnownHoles(start, window.last, now, told)
            return list(told)

    def known_gaps(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> list[Gap]:
        """Recorded gaps of the venue's own; those up to the newest candle from memory, like the holes."""
        if start is None or end is not None:
            return self._store.known_gaps(symbol, interval, start=start, end=end)
        with self._lock:
            series, now = (symbol, interval), self._now()
            window, known = self._window(series, None), self._gaps.get(series)
            told = known.since(start, interval, now, window) if known and window else None
            if told is None:
                told = self._store.known_gaps(symbol, interval, start=start)
                if window:
                    self._gaps[series] = KnownHoles(start, window.last, now, told)
            return list(told)

    def record_gaps(
        self,
        symbol: str,
        interval: Interval,
        gaps: Sequence[Gap],
        *,
        start: datetime,
        end: datetime,
        confirmed_at: datetime,
    ) -> None:
        """Replace what was recorded of that range."""
        try:
            self._store.record_gaps(symbol, interval, gaps, start=start, end=end, confirmed_at=confirmed_at)
        finally:
            with self._lock:
                self._gaps.pop((symbol, interval), None)

    def sources(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> dict[datetime, str]:
        """Where each candle came from, from the store."""
        return self._store.sources(symbol, interval, start=start, end=end)

    def write_tickers(self, tickers: Sequence[Ticker]) -> None:
        """Replace the latest ticker of each symbol."""
        try:
            self._store.write_tickers(tickers)
        finally:
            with self._lock:
                for ticker in tickers:
                    self._prices.pop(ticker.symbol, None)

    def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Latest ticker per symbol; from memory while it is no older than the limit."""
        with self._lock:
            wall = self._wall()
            known = {symbol: self._prices[symbol] for symbol in symbols if symbol in self._prices}
            recent = {s: t for s, t in known.items() if 0 <= t.age_seconds(wall) < self._price_seconds}
            missing = [symbol for symbol in symbols if symbol not in recent]
            if missing:
                read = self._store.tickers(missing)
                self._prices.update(read)
                recent.update(read)
            return recent

    def forget_tickers(self, beyond: datetime) -> None:
        """Drop prices whose venue time is later than that."""
        try:
            self._store.forget_tickers(beyond)
        finally:
            with self._lock:
                self._prices.clear()

    def write_indicators(self, symbol: str, interval: Interval, rows: Mapping[datetime, Mapping[str, float]]) -> None:
        """Insert or replace indicator values per open time."""
        self._values.pop((symbol, interval), None)
        self._store.write_indicators(symbol, interval, rows)
        newest = max(rows, default=None)
        if newest is not None:
            finite = {name: float(value) for name, value in rows[newest].items() if isfinite(value)}
            self._values[symbol, interval] = {newest: finite}

    def indicators(self, symbol: str, interval: Interval, *, newest: int) -> dict[datetime, dict[str, float]]:
        """Indicator values of the newest so many rows; of the newest one, what this process wrote last.

        Whoever else writes that row writes the same: its values follow from the candles (I10).
        """
        known = self._values.get((symbol, interval)) if newest == 1 else None
        if known is not None:
            return {open_time: dict(values) for open_time, values in known.items()}
        return self._store.indicators(symbol, interval, newest=newest)

    def prune_indicators(self, before: datetime) -> int:
        """Drop the values of candles that opened before that."""
        self._values.clear()
        return self._store.prune_indicators(before)

    def save_metrics(self, points: Sequence[MetricPoint]) -> None:
        """Insert or replace."""
        self._store.save_metrics(points)

    def metrics(self, name: MetricName, *, since: datetime) -> list[MetricPoint]:
        """Points with since <= at, ascending."""
        return self._store.metrics(name, since=since)

    def prune_metrics(self, before: datetime) -> int:
        """Drop the points of before that."""
        return self._store.prune_metrics(before)

    def _window(self, series: _Series, wanted: int | None) -> CandleWindow | None:
        """The series' window as the store has it, read now if `wanted` candles are worth one; None without."""
        window = self._windows.get(series)
        if window and self._is_due(window):
            self._compare_all(series)
            window = self._windows.get(series)
        if wanted is None or wanted < _SMALLEST_WINDOW or wanted > self._most_candles // 4:
            return window
        if window is None or len(window) < wanted or len(window) > window.loaded * _GROWTH:
            window = self._load_if_needed(series, wanted, window)
        if window:
            self._windows.move_to_end(series)
        return window

    def _is_due(self, window: CandleWindow) -> bool:
        return self._now() - window.checked_at >= self._check_seconds

    def _compare_all(self, series: _Series) -> None:
        """Compare all windows that are due; raises RetryLater if this one can't be served."""
        now = self._now()
        due = {series: window for series, window in self._windows.items() if self._is_due(window)}
        ranges = [
            CandleRange(symbol, interval, window.first, window.last) for (symbol, interval), window in due.items()
        ]
        position = self._position()
        try:
            versions = self._store.versions(ranges)
        except RetryLater:
            self._follow_changes(due)
            if self._is_due(self._windows[series]):
                raise
            return
        for (series_due, window), version in zip(due.items(), versions, strict=True):
            new = version.onwards.candles - version.inside.candles
            if version.inside != window.version or new > len(window):
                del self._windows[series_due]
                continue
            if version.onwards != version.inside:
                symbol, interval = series_due
                window.extend(self._store.candles(symbol, interval, start=window.last + _LATER))
                window.version = version.onwards
            window.checked_at, window.position = now, position
        self._keep_bound()

    def _follow_changes(self, windows: Mapping[_Series, CandleWindow]) -> None:
        """Bring windows up to date by what was written; those of which it can't be told stay due."""
        if self._changes is None:
            return
        for (symbol, interval), window in windows.items():
            try:
                position, candles = self._changes.candles_since(window.position, symbol, interval)
            except RetryLater:
                continue
            window.replace(candles)
            window.checked_at, window.position = self._now(), position

    def _position(self) -> int:
        return self._changes.position() if self._changes else 0

    def _load_if_needed(self, series: _Series, wanted: int, window: CandleWindow | None) -> CandleWindow | None:
        """The window read anew; where it can't be read the old one serves on if it is long enough.

        Otherwise there is none: the store itself may still have the answer.
        """
        try:
            return self._load(series, int(wanted * _RESERVE))
        except RetryLater:
            return window if window is not None and len(window) >= wanted else None

    def _load(self, series: _Series, number: int) -> CandleWindow | None:
        symbol, interval = series
        now, position = self._now(), self._position()
        times = self._store.open_times(symbol, interval, newest=number)
        if not times:
            self._windows.pop(series, None)
            return None
        [version] = self._store.versions([CandleRange(symbol, interval, times[0], times[-1])])
        rows = self._store.candles(symbol, interval, start=times[0])
        self._windows.pop(series, None)
        if not rows:
            return None
        window = self._windows[series] = CandleWindow(rows, version.onwards, now, position)
        self._keep_bound()
        return window

    def _keep_bound(self) -> None:
        while sum(map(len, self._windows.values())) > self._most_candles:
            self._windows.popitem(last=False)

    def _note_write(self, series: _Series, candles: Sequence[Candle], written: CandleWrite | None) -> None:
        """Take over what was only added after the window's end; compare the window at once after any other write."""
        with self._lock:
            window = self._windows.get(series)
            changes_nothing_else = written is not None and not written.corrected and not written.spooled
            if written and changes_nothing_else and window and window.take_over(candles, written.inserted):
                return
            self._holes.pop(series, None)
            self._gaps.pop(series, None)
            if window:
                window.checked_at = _NEVER
