"""Market data in InfluxDB 2."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from trading_platform.adapters.influxdb import candle_gaps, candle_records, flux, points
from trading_platform.adapters.influxdb.candle_writer import lines_of_batches, write_candles
from trading_platform.adapters.influxdb.connection import InfluxConnection, Parameters
from trading_platform.adapters.influxdb.points import (
    candle_of,
    indicator_line,
    indicators_of,
    metric_line,
    moment_of,
    ticker_line,
    ticker_of,
)
from trading_platform.adapters.influxdb.series_reader import SeriesReader
from trading_platform.adapters.influxdb.versions import versions
from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import CandleBatch
from trading_platform.ports.movable_store import CandleRecord
from trading_platform.ports.series_store import CandleRange, CandleWrite, SeriesVersion

_PRICES = ("open", "high", "low", "close", "volume")
_JUST_BEFORE = timedelta(microseconds=1)
_INDICATORS_PREDICATE = f'_measurement="{points.INDICATORS}"'
_TICKERS_PREDICATE = f'_measurement="{points.TICKERS}"'
_METRICS_PREDICATE = f'_measurement="{points.PLATFORM}"'


@dataclass(frozen=True)
class Buckets:
    """Names of the buckets: one for what is kept for years, one for raw ticks."""

    candles: str
    ticks: str


class InfluxSeriesStore:
    """Fills the roles `SeriesStore` and `MovableStore`.

    Raises FixSettings besides RetryLater where the server refuses for good: a token that was withdrawn, a candle older
    than the bucket keeps.
    """

    def __init__(self, connection: InfluxConnection, buckets: Buckets) -> None:
        self.connection = connection
        self.buckets = buckets
        self._locks: dict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._ticker_lock = threading.Lock()

    def write_candles(
        self, symbol: str, interval: Interval, candles: Sequence[Candle], *, source: str, received_at: datetime
    ) -> CandleWrite:
        """Insert, or replace where the values differ; confirmed by the server when it returns.

        Batches of a long series are written one after the other: after a crash the same call finishes the work.
        """
        if not candles:
            return CandleWrite()
        batch = CandleBatch(symbol, interval, tuple(candles), source, received_at)
        with self._locks[symbol, interval.name]:  # looking and writing belong together
            return write_candles(self._candles(symbol, interval), self._gaps(symbol, interval), batch)

    def write_batches(self, batches: Sequence[CandleBatch]) -> list[CandleWrite]:
        """Look at each series once, and write everything together."""
        by_series: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, batch in enumerate(batches):
            if batch.candles:
                by_series[batch.symbol, batch.interval.name].append(place)
        lines, written = [], [CandleWrite() for _ in batches]
        with ExitStack() as held:
            for series in sorted(by_series):  # in one order, or two threads would wait for each other
                held.enter_context(self._locks[series])
                given = [batches[place] for place in by_series[series]]
                symbol, interval = given[0].symbol, given[0].interval
                new, changes = lines_of_batches(self._candles(symbol, interval), self._gaps(symbol, interval), given)
                lines += new
                for place, changed in zip(by_series[series], changes, strict=True):
                    written[place] = changed
            self.connection.write(self.buckets.candles, lines)
        return written

    def candle_records(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> list[CandleRecord]:
        """Everything that is kept of the candles with start <= open_time < end, ascending."""
        earlier = self._series(points.EARLIER, symbol, interval)
        return candle_records.read(self._candles(symbol, interval), earlier, start, end)

    def take_records(self, symbol: str, interval: Interval, records: Sequence[CandleRecord]) -> None:
        """Keep them as they are, in place of what is there."""
        with self._locks[symbol, interval.name]:
            lines = [*candle_records.lines(self._candles(symbol, interval), records)]
            self.connection.write(self.buckets.candles, lines)

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
        return [candle_of(*row) for row in self._candles(symbol, interval).rows("exact", start, end, newest)]

    def candle_frame(
        self, symbol: str, interval: Interval, *, end: datetime | None = None, newest: int | None = None
    ) -> pd.DataFrame:
        """Candles as float64, indexed by open time."""
        rows = self._candles(symbol, interval).rows("exact", None, end, newest)
        values = np.array([[float(value) for value in text.split(" ")] for _, text in rows], dtype=np.float64)
        index = pd.DatetimeIndex([moment_of(time) for time, _ in rows], tz="UTC", name="open_time").as_unit("ns")
        return pd.DataFrame(values.reshape(-1, len(_PRICES)), index=index, columns=list(_PRICES))

    def newest_open_time(self, symbol: str, interval: Interval) -> datetime | None:
        """Open time of the newest stored candle."""
        return self._candles(symbol, interval).newest_time("revision", None, None)

    def open_times(self, symbol: str, interval: Interval, *, newest: int) -> list[datetime]:
        """Open times of the newest so many candles, ascending."""
        return [moment_of(time) for time, _ in self._candles(symbol, interval).rows("revision", None, None, newest)]

    def count_candles(self, symbol: str, interval: Interval) -> int:
        """Number of stored candles."""
        return self._candles(symbol, interval).count("revision")

    def versions(self, ranges: Sequence[CandleRange]) -> list[SeriesVersion]:
        """The state of each range; symbols whose ranges are the same are asked for together."""
        return versions(self.connection, self.buckets.candles, ranges)

    def candles_per_day(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> dict[date, int]:
        """Number of stored candles per day (UTC)."""
        series = self._candles(symbol, interval)
        parameters = series.parameters(start, end)
        if start is not None and end is not None and start >= end:
            return {}
        tables = self.connection.query(flux.count_per_day(points.CANDLES, "revision"), parameters)
        days = [
            (moment_of(time).date(), int(held)) for table in tables for time, held in table.values("_time", "_value")
        ]
        return {day: held for day, held in sorted(days) if held}

    def sources(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> dict[datetime, str]:
        """Where each candle came from, ascending."""
        return {moment_of(time): source for time, source in self._candles(symbol, interval).rows("source", start, end)}

    def missing_candles(self, symbol: str, interval: Interval, *, start: datetime) -> list[Gap]:
        """Holes between stored candles that reach beyond `start`."""
        return candle_gaps.holes(self._candles(symbol, interval), start)

    def known_gaps(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> list[Gap]:
        """Recorded gaps of the venue's own that touch the range."""
        return candle_gaps.known(self._gaps(symbol, interval), start, end)

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
        with self._locks[symbol, interval.name]:
            recorded, candles = self._gaps(symbol, interval), self._candles(symbol, interval)
            lines = candle_gaps.lines_of_record(recorded, candles, gaps, start, end, confirmed_at)
            self.connection.write(self.buckets.candles, lines)

    def write_tickers(self, tickers: Sequence[Ticker]) -> None:
        """Add these prices; the newest by the venue's time is the latest, whatever the order of writing.

        Only at the same time of the venue's does the time of receipt decide, and only then are both the same point.
        """
        newest: dict[tuple[str, datetime], Ticker] = {}
        for ticker in sorted(tickers, key=lambda each: each.received_at):
            newest[ticker.symbol, ticker.venue_time] = ticker
        if not newest:
            return
        with self._ticker_lock:
            known = self.tickers([symbol for symbol, _ in newest])
            later = [ticker for ticker in newest.values() if _is_later(ticker, known.get(ticker.symbol))]
            self.connection.write(self.buckets.ticks, [ticker_line(ticker) for ticker in later])

    def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Latest ticker per symbol."""
        if not symbols:
            return {}
        parameters: Parameters = {"bucket": self.buckets.ticks, "begin": flux.BEGINNING, "end": flux.END_OF_TIME}
        tables = self.connection.query(flux.newest_of_all(points.TICKERS, "exact"), parameters)
        latest = {symbol: text for table in tables for symbol, text in table.values("symbol", "_value")}
        return {symbol: ticker_of(symbol, latest[symbol]) for symbol in symbols if symbol in latest}

    def forget_tickers(self, beyond: datetime) -> None:
        """Delete the points of later than that; the newest before them is the latest again."""
        self.connection.delete(self.buckets.ticks, beyond + _JUST_BEFORE, flux.END_OF_TIME, _TICKERS_PREDICATE)

    def write_indicators(self, symbol: str, interval: Interval, rows: Mapping[datetime, Mapping[str, float]]) -> None:
        """Insert or replace indicator values per open time; what isn't finite is left out."""
        lines = [indicator_line(symbol, interval, open_time, rows[open_time]) for open_time in sorted(rows)]
        self.connection.write(self.buckets.candles, lines)

    def indicators(self, symbol: str, interval: Interval, *, newest: int) -> dict[datetime, dict[str, float]]:
        """Indicator values of the newest so many rows, ascending."""
        rows = self._series(points.INDICATORS, symbol, interval).rows("row", None, None, newest)
        return {moment_of(time): indicators_of(text) for time, text in rows}

    def prune_indicators(self, before: datetime) -> int:
        """Drop the values of candles that opened before that; how many rows."""
        if before <= flux.BEGINNING:
            return 0
        parameters: Parameters = {"bucket": self.buckets.candles, "begin": flux.BEGINNING, "end": before}
        tables = self.connection.query(flux.count_of_all(points.INDICATORS, "row"), parameters)
        held = sum(int(value) for table in tables for value in table.column("_value"))
        if held:
            # the server counts the end in, and points stand on milliseconds
            self.connection.delete(self.buckets.candles, flux.BEGINNING, before - _JUST_BEFORE, _INDICATORS_PREDICATE)
        return held

    def save_metrics(self, points: Sequence[MetricPoint]) -> None:
        """Add or replace; they are kept as long as raw ticks."""
        self.connection.write(self.buckets.ticks, [metric_line(point) for point in points])

    def metrics(self, name: MetricName, *, since: datetime) -> list[MetricPoint]:
        """Points with since <= at, ascending."""
        parameters: Parameters = {"bucket": self.buckets.ticks, "begin": since, "end": flux.END_OF_TIME}
        found = []
        for table in self.connection.query(flux.of_field(points.PLATFORM, name, name.tag), parameters):
            columns = (*([name.tag] if name.tag else []), "_time", "_value")
            for *subject, time, value in table.values(*columns):
                found.append(MetricPoint(name, float(value), moment_of(time), *subject))
        return sorted(found, key=lambda point: (point.at, point.subject))

    def prune_metrics(self, before: datetime) -> int:
        """Drop the points of before that, where the bucket keeps them longer; how many."""
        if before <= flux.BEGINNING:
            return 0
        parameters: Parameters = {"bucket": self.buckets.ticks, "begin": flux.BEGINNING, "end": before}
        tables = self.connection.query(flux.count_of_measurement(points.PLATFORM), parameters)
        held = sum(int(value) for table in tables for value in table.column("_value"))
        if held:
            self.connection.delete(self.buckets.ticks, flux.BEGINNING, before - _JUST_BEFORE, _METRICS_PREDICATE)
        return held

    def _candles(self, symbol: str, interval: Interval) -> SeriesReader:
        return self._series(points.CANDLES, symbol, interval)

    def _gaps(self, symbol: str, interval: Interval) -> SeriesReader:
        return self._series(points.GAPS, symbol, interval)

    def _series(self, measurement: str, symbol: str, interval: Interval) -> SeriesReader:
        return SeriesReader(self.connection, self.buckets.candles, measurement, symbol, interval)


def _is_later(ticker: Ticker, known: Ticker | None) -> bool:
    if known is None:
        return True
    return (ticker.venue_time, ticker.received_at) > (known.venue_time, known.received_at)
