"""Market data in memory."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from trading_platform.domain.candle import Candle, Gap, Interval, find_gaps, subtract_gaps
from trading_platform.domain.errors import PlatformError, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import CandleBatch
from trading_platform.ports.movable_store import Arrived, CandleRecord
from trading_platform.ports.series_store import CandleRange, CandleWrite, RangeVersion, SeriesVersion

_PRICES = ("open", "high", "low", "close", "volume")


class FakeSeriesStore:
    """Fills the roles `SeriesStore` and `MovableStore`."""

    def __init__(self) -> None:
        self._candles: dict[tuple[str, str], dict[datetime, Candle]] = defaultdict(dict)
        self._revisions: dict[tuple[str, str, datetime], int] = defaultdict(int)
        self._sources: dict[tuple[str, str], dict[datetime, str]] = defaultdict(dict)
        self._received: dict[tuple[str, str, datetime], datetime] = {}
        self._earlier: dict[tuple[str, str, datetime], list[tuple[int, Arrived]]] = defaultdict(list)
        self._gaps: dict[tuple[str, str], list[Gap]] = defaultdict(list)
        self._tickers: dict[str, Ticker] = {}
        self._indicators: dict[tuple[str, str], dict[datetime, dict[str, float]]] = defaultdict(dict)
        self._metrics: dict[tuple[datetime, str, MetricName], MetricPoint] = {}
        self.is_down = False
        self.trouble: PlatformError = RetryLater("the store can't be reached")
        self._lock = threading.Lock()

    def write_candles(
        self, symbol: str, interval: Interval, candles: Sequence[Candle], *, source: str, received_at: datetime
    ) -> CandleWrite:
        """Insert, or replace where the values differ."""
        self._answer()
        if source not in ("rest", "stream", "archive", "aggregated"):
            raise ValueError(f"source {source!r} is neither rest, stream, archive nor aggregated")
        with self._lock:
            return self._write(symbol, interval, candles, source, received_at)

    def write_batches(self, batches: Sequence[CandleBatch]) -> list[CandleWrite]:
        """Write each of them."""
        return [
            self.write_candles(b.symbol, b.interval, b.candles, source=b.source, received_at=b.received_at)
            for b in batches
        ]

    def _write(
        self, symbol: str, interval: Interval, candles: Sequence[Candle], source: str, received_at: datetime
    ) -> CandleWrite:
        series = self._candles[symbol, interval.name]
        new = {candle.open_time: candle for candle in candles}
        for time in [time for time, candle in new.items() if time in series and series[time] != candle]:
            key = symbol, interval.name, time
            self._earlier[key].append((self._revisions[key], self._arrived(symbol, interval, time)))
        self._received |= {
            (symbol, interval.name, time): received_at for time, candle in new.items() if series.get(time) != candle
        }
        inserted = sum(open_time not in series for open_time in new)
        changed = [time for time, candle in new.items() if time in series and series[time] != candle]
        for open_time in changed:
            self._revisions[symbol, interval.name, open_time] += 1
        corrected = len(changed)
        sources = self._sources[symbol, interval.name]
        sources.update({time: source for time, candle in new.items() if series.get(time) != candle})
        series.update(new)
        self._candles[symbol, interval.name] = dict(sorted(series.items()))
        self._gaps[symbol, interval.name] = self._really_missing(symbol, interval, self._gaps[symbol, interval.name])
        return CandleWrite(inserted, corrected, len(new) - inserted - corrected)

    def _arrived(self, symbol: str, interval: Interval, time: datetime) -> Arrived:
        series = symbol, interval.name
        return Arrived(self._candles[series][time], self._sources[series][time], self._received[*series, time])

    def candle_records(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> list[CandleRecord]:
        """Everything that is kept of the candles with start <= open_time < end, ascending."""
        times = [candle.open_time for candle in self.candles(symbol, interval, start=start, end=end)]
        keys = {time: (symbol, interval.name, time) for time in times}
        return [
            CandleRecord(
                self._arrived(symbol, interval, time), self._revisions.get(key, 0), tuple(self._earlier.get(key, ()))
            )
            for time, key in keys.items()
        ]

    def take_records(self, symbol: str, interval: Interval, records: Sequence[CandleRecord]) -> None:
        """Keep them as they are, in place of what is there."""
        self._answer()
        series = symbol, interval.name
        for record in records:
            time = record.now.candle.open_time
            self._candles[series][time], self._sources[series][time] = record.now.candle, record.now.source
            self._received[*series, time], self._revisions[*series, time] = record.now.received_at, record.revision
            self._earlier[*series, time] = [*record.earlier]
        self._candles[series] = dict(sorted(self._candles[series].items()))

    def candles(
        self,
        symbol: str,
        interval: Interval,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        newest: int | None = None,
    ) -> list[Candle]:
        """Candles with start <= open_time < end, ascending."""
        self._answer()
        series = list(self._candles[symbol, interval.name].values())
        times = [candle.open_time for candle in series]
        first = 0 if start is None else bisect_left(times, start)
        last = len(series) if end is None else bisect_left(times, end)
        found = series[first:last]
        return found if newest is None else found[max(len(found) - newest, 0) :]

    def candle_frame(
        self, symbol: str, interval: Interval, *, end: datetime | None = None, newest: int | None = None
    ) -> pd.DataFrame:
        """The same as float64, indexed by open time."""
        candles = self.candles(symbol, interval, end=end, newest=newest)
        index = pd.DatetimeIndex([candle.open_time for candle in candles], tz="UTC", name="open_time").as_unit("ns")
        values = [[float(getattr(candle, name)) for name in _PRICES] for candle in candles]
        return pd.DataFrame(np.array(values, dtype=np.float64).reshape(-1, 5), index=index, columns=list(_PRICES))

    def newest_open_time(self, symbol: str, interval: Interval) -> datetime | None:
        """Open time of the newest stored candle."""
        newest = self.open_times(symbol, interval, newest=1)
        return newest[0] if newest else None

    def open_times(self, symbol: str, interval: Interval, *, newest: int) -> list[datetime]:
        """Open times of the newest so many candles, ascending."""
        return [candle.open_time for candle in self.candles(symbol, interval, newest=newest)]

    def count_candles(self, symbol: str, interval: Interval) -> int:
        """Number of stored candles."""
        return len(self.candles(symbol, interval))

    def versions(self, ranges: Sequence[CandleRange]) -> list[SeriesVersion]:
        """The state of each range."""
        self._answer()
        return [
            SeriesVersion(self._version(wanted, wanted.last), self._version(wanted, datetime.max.replace(tzinfo=UTC)))
            for wanted in ranges
        ]

    def _version(self, wanted: CandleRange, last: datetime) -> RangeVersion:
        name = wanted.interval.name
        times = [time for time in self._candles[wanted.symbol, name] if wanted.first <= time <= last]
        return RangeVersion(len(times), sum(self._revisions.get((wanted.symbol, name, time), 0) for time in times))

    def candles_per_day(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> dict[date, int]:
        """Number of stored candles per day (UTC)."""
        return dict(Counter(c.open_time.date() for c in self.candles(symbol, interval, start=start, end=end)))

    def sources(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> dict[datetime, str]:
        """Where each candle came from."""
        known = self._sources[symbol, interval.name]
        return {c.open_time: known[c.open_time] for c in self.candles(symbol, interval, start=start, end=end)}

    def missing_candles(self, symbol: str, interval: Interval, *, start: datetime) -> list[Gap]:
        """Holes between stored candles that reach beyond `start`."""
        holes = find_gaps([candle.open_time for candle in self.candles(symbol, interval)], interval)
        return [hole for hole in holes if hole.last_missing >= start]

    def known_gaps(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> list[Gap]:
        """Recorded gaps of the venue's own that touch the range."""
        self._answer()
        return [
            gap
            for gap in self._gaps[symbol, interval.name]
            if (start is None or gap.last_missing >= start) and (end is None or gap.first_missing < end)
        ]

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
        self._answer()
        asked = Gap.between(start, end, interval)
        kept = subtract_gaps(self._gaps[symbol, interval.name], [asked], interval)
        new = self._really_missing(symbol, interval, [replace(gap, confirmed_at=confirmed_at) for gap in gaps])
        self._gaps[symbol, interval.name] = sorted([*kept, *new], key=lambda gap: gap.first_missing)

    def _really_missing(self, symbol: str, interval: Interval, gaps: Sequence[Gap]) -> list[Gap]:
        times = self._candles[symbol, interval.name]
        stored = [Gap.between(time, time + interval.length, interval) for time in times]
        return subtract_gaps(gaps, stored, interval) if gaps else []

    def write_tickers(self, tickers: Sequence[Ticker]) -> None:
        """Replace the latest ticker of each symbol, unless it is newer."""
        self._answer()
        for ticker in tickers:
            known = self._tickers.get(ticker.symbol)
            if known is None or (ticker.venue_time, ticker.received_at) > (known.venue_time, known.received_at):
                self._tickers[ticker.symbol] = ticker

    def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Latest ticker per symbol."""
        self._answer()
        return {symbol: self._tickers[symbol] for symbol in symbols if symbol in self._tickers}

    def forget_tickers(self, beyond: datetime) -> None:
        """Drop prices whose venue time is later than that."""
        self._answer()
        self._tickers = {symbol: known for symbol, known in self._tickers.items() if known.venue_time <= beyond}

    def write_indicators(self, symbol: str, interval: Interval, rows: Mapping[datetime, Mapping[str, float]]) -> None:
        """Insert or replace values; what isn't finite is left out."""
        self._answer()
        for open_time, values in rows.items():
            finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
            self._indicators[symbol, interval.name][open_time] = finite

    def indicators(self, symbol: str, interval: Interval, *, newest: int) -> dict[datetime, dict[str, float]]:
        """Indicator values of the newest so many rows, ascending."""
        self._answer()
        rows = sorted(self._indicators[symbol, interval.name].items())
        return dict(rows[max(len(rows) - newest, 0) :])

    def prune_indicators(self, before: datetime) -> int:
        """Drop the values of candles that opened before that; how many rows."""
        self._answer()
        held = sum(map(len, self._indicators.values()))
        for series, rows in self._indicators.items():
            self._indicators[series] = {time: values for time, values in rows.items() if time >= before}
        return held - sum(map(len, self._indicators.values()))

    def save_metrics(self, points: Sequence[MetricPoint]) -> None:
        """Insert, or replace where name, subject and time are the same."""
        self._answer()
        self._metrics |= {(point.at, point.subject, point.name): point for point in points}

    def metrics(self, name: MetricName, *, since: datetime) -> list[MetricPoint]:
        """Points with since <= at, ascending."""
        self._answer()
        return [point for _, point in sorted(self._metrics.items()) if point.name is name and point.at >= since]

    def prune_metrics(self, before: datetime) -> int:
        """Drop the points of before that; how many."""
        self._answer()
        held = len(self._metrics)
        self._metrics = {key: point for key, point in self._metrics.items() if point.at >= before}
        return held - len(self._metrics)

    def _answer(self) -> None:
        if self.is_down:
            raise self.trouble
