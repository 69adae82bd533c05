"""Market data in PostgreSQL."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Date, Double, Engine, Select, cast, delete, func, select, text

from trading_platform.adapters.postgres import candle_gaps, candle_records
from trading_platform.adapters.postgres.candle_writer import write_candles
from trading_platform.adapters.postgres.engine import reading, transaction
from trading_platform.adapters.postgres.tables import CANDLES, INDICATORS, PLATFORM_METRICS, TICKERS
from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import CandleBatch
from trading_platform.ports.movable_store import CandleRecord
from trading_platform.ports.series_store import CandleRange, CandleWrite, RangeVersion, SeriesVersion

_PRICES = ("open", "high", "low", "close", "volume")
_MICROSECONDS = 1_000_000
# as text: SQLAlchemy compiles an INSERT with ON CONFLICT anew each time, which took longer than the database
_WRITE_INDICATORS = text(
    """
    INSERT INTO indicators (symbol, interval, open_time, "values")
    SELECT :symbol, :interval, r.open_time, CAST(r.values_text AS jsonb)
    FROM unnest(CAST(:times AS timestamptz[]), CAST(:texts AS text[])) r (open_time, values_text)
    ON CONFLICT (symbol, interval, open_time) DO UPDATE SET "values" = excluded."values"
    """
)
_TICKER_COLUMNS = ("symbol", "bid", "ask", "last", "venue_time", "received_at", "source")
_WRITE_TICKERS = text(
    """
    INSERT INTO tickers (symbol, bid, ask, last, venue_time, received_at, source)
    SELECT * FROM unnest(
        CAST(:symbols AS text[]), CAST(:bids AS numeric[]), CAST(:asks AS numeric[]), CAST(:lasts AS numeric[]),
        CAST(:venue_times AS timestamptz[]), CAST(:received_ats AS timestamptz[]), CAST(:sources AS text[])
    )
    ON CONFLICT (symbol) DO UPDATE
    SET bid = excluded.bid, ask = excluded.ask, last = excluded.last, venue_time = excluded.venue_time,
        received_at = excluded.received_at, source = excluded.source
    WHERE (excluded.venue_time, excluded.received_at) > (tickers.venue_time, tickers.received_at)
    """
)
_SAVE_METRICS = text(
    """
    INSERT INTO platform_metrics (name, subject, at, value)
    SELECT * FROM unnest(
        CAST(:names AS text[]), CAST(:subjects AS text[]), CAST(:times AS timestamptz[]), CAST(:values AS float8[])
    )
    ON CONFLICT (name, at, subject) DO UPDATE SET value = excluded.value
    """
)
_VERSIONS = text(
    """
    SELECT v.inside, v.inside_corrections, v.onwards, v.onwards_corrections
    FROM unnest(
        CAST(:symbols AS text[]), CAST(:intervals AS text[]),
        CAST(:firsts AS timestamptz[]), CAST(:lasts AS timestamptz[])
    ) WITH ORDINALITY r (symbol, interval, first, last, number)
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE open_time <= r.last) AS inside,
               coalesce(sum(revision) FILTER (WHERE open_time <= r.last), 0)::bigint AS inside_corrections,
               count(*) AS onwards,
               coalesce(sum(revision), 0)::bigint AS onwards_corrections
        FROM candles c
        WHERE c.symbol = r.symbol AND c.interval = r.interval AND c.open_time >= r.first
    ) v
    ORDER BY r.number
    """
)


class PostgresSeriesStore:
    """Fills the roles `SeriesStore` and `MovableStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write_candles(
        self, symbol: str, interval: Interval, candles: Sequence[Candle], *, source: str, received_at: datetime
    ) -> CandleWrite:
        """Insert, or replace where the values differ, in one transaction."""
        if not candles:
            return CandleWrite()
        return self.write_batches([CandleBatch(symbol, interval, tuple(candles), source, received_at)])[0]

    def write_batches(self, batches: Sequence[CandleBatch]) -> list[CandleWrite]:
        """All of them in one transaction, series by series as every writer does."""
        in_order = sorted(range(len(batches)), key=lambda place: (batches[place].symbol, batches[place].interval.name))
        with transaction(self._engine) as connection:
            written = {place: _write_batch(connection, batches[place]) for place in in_order}
        return [written[place] for place in range(len(batches))]

    def candle_records(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> list[CandleRecord]:
        """Everything that is kept of the candles with start <= open_time < end, ascending."""
        with reading(self._engine) as connection:
            return candle_records.read(connection, symbol, interval, start, end)

    def take_records(self, symbol: str, interval: Interval, records: Sequence[CandleRecord]) -> None:
        """Keep them as they are, in place of what is there, in one transaction."""
        with transaction(self._engine) as connection:
            candle_records.write(connection, symbol, interval, records)

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
        columns = [CANDLES.c[name] for name in ("open_time", *_PRICES)]
        query = _newest_first(select(*columns), symbol, interval, start, end, newest)
        with reading(self._engine) as connection:
            return [Candle(*row) for row in reversed(connection.execute(query).all())]

    def candle_frame(
        self, symbol: str, interval: Interval, *, end: datetime | None = None, newest: int | None = None
    ) -> pd.DataFrame:
        """Candles as float64, indexed by open time."""
        # one type for all columns is the quickest way into numpy; seconds as float64 are exact to the microsecond
        seconds = cast(func.extract("epoch", CANDLES.c.open_time), Double)
        columns = [seconds, *(cast(CANDLES.c[name], Double) for name in _PRICES)]
        query = _newest_first(select(*columns), symbol, interval, None, end, newest)
        with reading(self._engine) as connection:
            rows = connection.execute(query).cursor.fetchall()  # plain tuples: half the time of rows
        values = np.array(rows, dtype=np.float64).reshape(-1, 1 + len(_PRICES))[::-1]
        open_times = np.rint(values[:, 0] * _MICROSECONDS).astype("datetime64[us]").astype("datetime64[ns]")
        index = pd.DatetimeIndex(open_times, name="open_time").tz_localize("UTC")
        return pd.DataFrame(values[:, 1:], index=index, columns=list(_PRICES))

    def newest_open_time(self, symbol: str, interval: Interval) -> datetime | None:
        """Open time of the newest stored candle."""
        query = _newest_first(select(CANDLES.c.open_time), symbol, interval, None, None, 1)
        with reading(self._engine) as connection:
            newest: datetime | None = connection.execute(query).scalar()
            return newest

    def open_times(self, symbol: str, interval: Interval, *, newest: int) -> list[datetime]:
        """Open times of the newest so many candles, ascending."""
        query = _newest_first(select(CANDLES.c.open_time), symbol, interval, None, None, newest)
        with reading(self._engine) as connection:
            return list(reversed(connection.execute(query).scalars().all()))

    def count_candles(self, symbol: str, interval: Interval) -> int:
        """Number of stored candles."""
        query = select(func.count()).where(CANDLES.c.symbol == symbol, CANDLES.c.interval == interval.name)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def versions(self, ranges: Sequence[CandleRange]) -> list[SeriesVersion]:
        """The state of each range, in one question."""
        if not ranges:
            return []
        arguments = {
            "symbols": [wanted.symbol for wanted in ranges],
            "intervals": [wanted.interval.name for wanted in ranges],
            "firsts": [wanted.first for wanted in ranges],
            "lasts": [wanted.last for wanted in ranges],
        }
        with reading(self._engine) as connection:
            rows = connection.execute(_VERSIONS, arguments)
            return [SeriesVersion(RangeVersion(*row[:2]), RangeVersion(*row[2:])) for row in rows]

    def candles_per_day(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> dict[date, int]:
        """Number of stored candles per day (UTC)."""
        # sessions run in UTC, so a day of the session is a day of the venue
        day = cast(CANDLES.c.open_time, Date)
        query = select(day, func.count()).where(CANDLES.c.symbol == symbol, CANDLES.c.interval == interval.name)
        query = candle_gaps.within(query, CANDLES.c.open_time, start, end).group_by(day).order_by(day)
        with reading(self._engine) as connection:
            return dict(row._tuple() for row in connection.execute(query))

    def sources(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> dict[datetime, str]:
        """Where each candle came from, ascending."""
        columns = select(CANDLES.c.open_time, CANDLES.c.source)
        query = _newest_first(columns, symbol, interval, start, end, None)
        with reading(self._engine) as connection:
            return dict(row._tuple() for row in reversed(connection.execute(query).all()))

    def missing_candles(self, symbol: str, interval: Interval, *, start: datetime) -> list[Gap]:
        """Holes between stored candles that reach beyond `start`."""
        with reading(self._engine) as connection:
            return candle_gaps.holes(connection, symbol, interval, start)

    def known_gaps(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> list[Gap]:
        """Recorded gaps of the venue's own that touch the range."""
        with reading(self._engine) as connection:
            return candle_gaps.known(connection, symbol, interval, start, end)

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
        with transaction(self._engine) as connection:
            candle_gaps.record(connection, symbol, interval, gaps, start, end, confirmed_at)

    def write_tickers(self, tickers: Sequence[Ticker]) -> None:
        """Replace the latest ticker of each symbol by the newest of these, unless it is newer still."""
        newest = {t.symbol: t for t in sorted(tickers, key=lambda t: (t.venue_time, t.received_at))}
        if not newest:
            return
        ordered = [newest[symbol] for symbol in sorted(newest)]  # rows are locked in the same order by every writer
        arguments = {f"{name}s": [getattr(ticker, name) for ticker in ordered] for name in _TICKER_COLUMNS}
        with transaction(self._engine) as connection:
            connection.execute(_WRITE_TICKERS, arguments)

    def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Latest ticker per symbol."""
        if not symbols:
            return {}
        with reading(self._engine) as connection:
            rows = connection.execute(select(TICKERS).where(TICKERS.c.symbol.in_(symbols)))
            return {row.symbol: Ticker(*row) for row in rows}

    def forget_tickers(self, beyond: datetime) -> None:
        """Drop the rows whose venue time is later than that."""
        with transaction(self._engine) as connection:
            connection.execute(delete(TICKERS).where(TICKERS.c.venue_time > beyond))

    def write_indicators(self, symbol: str, interval: Interval, rows: Mapping[datetime, Mapping[str, float]]) -> None:
        """Insert or replace indicator values per open time; what isn't finite is left out."""
        if not rows:
            return
        texts = [
            json.dumps({name: float(value) for name, value in rows[open_time].items() if math.isfinite(value)})
            for open_time in sorted(rows)
        ]
        arguments = {"symbol": symbol, "interval": interval.name, "times": sorted(rows), "texts": texts}
        with transaction(self._engine) as connection:
            connection.execute(_WRITE_INDICATORS, arguments)

    def indicators(self, symbol: str, interval: Interval, *, newest: int) -> dict[datetime, dict[str, float]]:
        """Indicator values of the newest so many rows, ascending."""
        query = (
            select(INDICATORS.c.open_time, INDICATORS.c["values"])
            .where(INDICATORS.c.symbol == symbol, INDICATORS.c.interval == interval.name)
            .order_by(INDICATORS.c.open_time.desc())
            .limit(newest)
        )
        with reading(self._engine) as connection:
            return dict(row._tuple() for row in reversed(connection.execute(query).all()))

    def prune_indicators(self, before: datetime) -> int:
        """Drop the values of candles that opened before that; how many rows."""
        with transaction(self._engine) as connection:
            return connection.execute(delete(INDICATORS).where(INDICATORS.c.open_time < before)).rowcount

    def save_metrics(self, points: Sequence[MetricPoint]) -> None:
        """Insert, or replace where name, subject and time are the same."""
        by_key = {(point.name, point.subject, point.at): point.value for point in points}
        if not by_key:
            return
        keys = sorted(by_key)  # rows are locked in the same order by every writer
        arguments = {
            "names": [str(name) for name, _, _ in keys],
            "subjects": [subject for _, subject, _ in keys],
            "times": [at for _, _, at in keys],
            "values": [by_key[key] for key in keys],
        }
        with transaction(self._engine) as connection:
            connection.execute(_SAVE_METRICS, arguments)

    def metrics(self, name: MetricName, *, since: datetime) -> list[MetricPoint]:
        """Points with since <= at, ascending."""
        known = PLATFORM_METRICS.c
        query = (
            select(known.value, known.at, known.subject)
            .where(known.name == name, known.at >= since)
            .order_by(known.at, known.subject.collate("C"))
        )
        with reading(self._engine) as connection:
            return [MetricPoint(name, *row) for row in connection.execute(query)]

    def prune_metrics(self, before: datetime) -> int:
        """Drop the points of before that; how many."""
        with transaction(self._engine) as connection:
            return connection.execute(delete(PLATFORM_METRICS).where(PLATFORM_METRICS.c.at < before)).rowcount


def _write_batch(connection: Connection, batch: CandleBatch) -> CandleWrite:
    return write_candles(connection, batch.symbol, batch.interval, batch.candles, batch.source, batch.received_at)


def _newest_first(
    query: Select[Any],
    symbol: str,
    interval: Interval,
    start: datetime | None,
    end: datetime | None,
    newest: int | None,
) -> Select[Any]:
    query = query.where(CANDLES.c.symbol == symbol, CANDLES.c.interval == interval.name)
    query = candle_gaps.within(query, CANDLES.c.open_time, start, end)
    query = query.order_by(CANDLES.c.open_time.desc())
    return query if newest is None else query.limit(newest)
