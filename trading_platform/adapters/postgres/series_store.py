"""Market data in PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Double, Engine, Select, cast, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from trading_platform.adapters.postgres.candle_writer import write_candles
from trading_platform.adapters.postgres.engine import reading, transaction
from trading_platform.adapters.postgres.tables import CANDLES, INDICATORS, TICKERS
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.market import Ticker
from trading_platform.ports.series_store import CandleWrite

_PRICES = ("open", "high", "low", "close", "volume")
_MICROSECONDS = 1_000_000


class PostgresSeriesStore:
    """Fills the role `SeriesStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write_candles(
        self, symbol: str, interval: Interval, candles: Sequence[Candle], *, source: str, received_at: datetime
    ) -> CandleWrite:
        """Insert, or replace where the values differ, in one transaction."""
        if not candles:
            return CandleWrite()
        with transaction(self._engine) as connection:
            return write_candles(connection, symbol, interval, candles, source, received_at)

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

    def write_tickers(self, tickers: Sequence[Ticker]) -> None:
        """Replace the latest ticker of each symbol by the newest of these, unless it is newer still."""
        newest = {t.symbol: t for t in sorted(tickers, key=lambda t: (t.venue_time, t.received_at))}
        if not newest:
            return
        rows = [
            {
                "symbol": t.symbol,
                "bid": t.bid,
                "ask": t.ask,
                "last": t.last,
                "venue_time": t.venue_time,
                "received_at": t.received_at,
                "source": t.source,
            }
            for _, t in sorted(newest.items())  # rows are locked in the same order by every writer
        ]
        statement = insert(TICKERS).values(rows)
        statement = statement.on_conflict_do_update(
            index_elements=["symbol"],
            set_={name: statement.excluded[name] for name in rows[0]},
            where=tuple_(statement.excluded.venue_time, statement.excluded.received_at)
            > tuple_(TICKERS.c.venue_time, TICKERS.c.received_at),
        )
        with transaction(self._engine) as connection:
            connection.execute(statement)

    def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Latest ticker per symbol."""
        if not symbols:
            return {}
        with reading(self._engine) as connection:
            rows = connection.execute(select(TICKERS).where(TICKERS.c.symbol.in_(symbols)))
            return {row.symbol: Ticker(*row) for row in rows}

    def write_indicators(self, symbol: str, interval: Interval, rows: Mapping[datetime, Mapping[str, float]]) -> None:
        """Insert or replace indicator values per open time; what isn't finite is left out."""
        if not rows:
            return
        statement = insert(INDICATORS)
        statement = statement.on_conflict_do_update(
            index_elements=["symbol", "interval", "open_time"], set_={"values": statement.excluded["values"]}
        )
        values = [
            {
                "symbol": symbol,
                "interval": interval.name,
                "open_time": open_time,
                "values": {name: float(value) for name, value in rows[open_time].items() if math.isfinite(value)},
            }
            for open_time in sorted(rows)
        ]
        with transaction(self._engine) as connection:
            connection.execute(statement, values)

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


def _newest_first(
    query: Select[Any],
    symbol: str,
    interval: Interval,
    start: datetime | None,
    end: datetime | None,
    newest: int | None,
) -> Select[Any]:
    query = query.where(CANDLES.c.symbol == symbol, CANDLES.c.interval == interval.name)
    if start is not None:
        query = query.where(CANDLES.c.open_time >= start)
    if end is not None:
        query = query.where(CANDLES.c.open_time < end)
    query = query.order_by(CANDLES.c.open_time.desc())
    return query if newest is None else query.limit(newest)
