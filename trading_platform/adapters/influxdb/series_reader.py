"""Reading one series of one measurement, the newest rows of it without going through its whole history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading_platform.adapters.influxdb import flux
from trading_platform.adapters.influxdb.connection import InfluxConnection, Parameters
from trading_platform.adapters.influxdb.points import moment_of
from trading_platform.domain.candle import Interval

_ROWS_AT_ONCE = 50_000
_JUST_AFTER = timedelta(milliseconds=1)

Row = tuple[str, str]  # time, value


@dataclass(frozen=True)
class SeriesReader:
    """A series: what a measurement holds under a symbol and an interval."""

    connection: InfluxConnection
    bucket: str
    measurement: str
    symbol: str
    interval: Interval

    def parameters(self, begin: datetime | None, end: datetime | None) -> Parameters:
        """What every question of this series names."""
        return {
            "bucket": self.bucket,
            "symbol": self.symbol,
            "interval": self.interval.name,
            "begin": begin or flux.BEGINNING,
            "end": end or flux.END_OF_TIME,
        }

    def rows(self, field: str, begin: datetime | None, end: datetime | None, newest: int | None = None) -> list[Row]:
        """Time and value of a field with begin <= time < end, ascending; only the `newest` so many if given."""
        if newest is not None:
            return self._newest_rows(field, begin, end, newest) if newest > 0 else []
        return [row for part in self._parts(field, begin, end) for row in part]

    def sparse_rows(self, field: str, end: datetime | None) -> list[Row]:
        """The same with time < end in one question: for what is few, however far apart."""
        return self._read(field, flux.BEGINNING, end or flux.END_OF_TIME)

    def newest_time(self, field: str, begin: datetime | None, end: datetime | None) -> datetime | None:
        """Time of the newest row of the range."""
        if _is_empty(begin, end):
            return None
        query = flux.newest_of_series(self.measurement, field)
        for table in self.connection.query(query, self.parameters(begin, end)):
            return moment_of(table.column("_time")[0])
        return None

    def count(self, field: str) -> int:
        """Number of rows."""
        query = flux.count_of_series(self.measurement, field)
        tables = self.connection.query(query, self.parameters(None, None))
        return sum(int(value) for table in tables for value in table.column("_value"))

    def _newest_rows(self, field: str, begin: datetime | None, end: datetime | None, newest: int) -> list[Row]:
        last = self.newest_time(field, begin, end)
        if last is None:
            return []
        stop = last + _JUST_AFTER
        # a series without holes needs the first look only, and one that is short or full of holes the last
        for candles in (newest, 2 * newest + 1000):
            start = last - (candles - 1) * self.interval.length
            if begin is not None and start <= begin:
                break
            rows = self._read(field, max(start, flux.BEGINNING), stop)
            if len(rows) >= newest or start <= flux.BEGINNING:
                return rows[-newest:]
        return self.rows(field, begin, stop)[-newest:]

    def _parts(self, field: str, begin: datetime | None, end: datetime | None) -> Iterator[list[Row]]:
        """The range in answers of bounded size."""
        last = self.newest_time(field, begin, end)
        if last is None:
            return
        stop = last + _JUST_AFTER
        span = _ROWS_AT_ONCE * self.interval.length
        if begin is not None and stop - begin <= span:
            yield self._read(field, begin, stop)
            return
        start: datetime | None = begin
        while (start := self._first_time(field, start, stop)) is not None:
            part_end = min(start + span, stop)
            yield self._read(field, start, part_end)
            start = part_end

    def _first_time(self, field: str, begin: datetime | None, end: datetime) -> datetime | None:
        if _is_empty(begin, end):
            return None
        query = flux.oldest_of_series(self.measurement, field)
        for table in self.connection.query(query, self.parameters(begin, end)):
            return moment_of(table.column("_time")[0])
        return None

    def _read(self, field: str, begin: datetime, end: datetime) -> list[Row]:
        if begin >= end:
            return []
        tables = self.connection.query(flux.of_series(self.measurement, field), self.parameters(begin, end))
        return [(time, value) for table in tables for time, value in table.values("_time", "_value")]


def _is_empty(begin: datetime | None, end: datetime | None) -> bool:
    """A range without a moment in it, which the server would refuse."""
    return (begin or flux.BEGINNING) >= (end or flux.END_OF_TIME)
