"""Writing candles: a handful in one statement, a whole archive through COPY."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import cast

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - psycopg2's own name for a class
from sqlalchemy import Boolean, Connection, column, func, literal, literal_column, select, table, text, tuple_
from sqlalchemy.dialects.postgresql import Insert, insert

from trading_platform.adapters.postgres.tables import CANDLES
from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.series_store import CandleWrite

BULK_ROWS = 100
_COPY_CHUNK_ROWS = 20_000
_BULK_TIMEOUT = "10min"

_VALUES = ("open", "high", "low", "close", "volume")
_COLUMNS = ("open_time", *_VALUES)
_STAGING = table("candles_staging", *(column(name) for name in _COLUMNS))
# a row that this statement has inserted was never deleted; of one that it has replaced, the old version was
_INSERTED = literal_column("candles.xmax = 0", Boolean).label("inserted")


def write_candles(
    connection: Connection,
    symbol: str,
    interval: Interval,
    candles: Sequence[Candle],
    source: str,
    received_at: datetime,
) -> CandleWrite:
    """Insert, or replace where the values differ; of several candles with the same open time the last one counts.

    Rows are written in the order of time, so that two writers of the same series wait for each other instead of
    locking each other out.
    """
    distinct = candles if _ascend(candles) else _distinct(candles)
    origin = {"symbol": symbol, "interval": interval.name, "source": source, "received_at": received_at}
    write = _write_few if len(distinct) <= BULK_ROWS else _write_many
    inserted, corrected = write(connection, distinct, origin)
    return CandleWrite(inserted, corrected, len(distinct) - inserted - corrected)


def _ascend(candles: Sequence[Candle]) -> bool:
    return all(earlier.open_time < later.open_time for earlier, later in pairwise(candles))


def _distinct(candles: Sequence[Candle]) -> list[Candle]:
    by_time = {candle.open_time: candle for candle in candles}
    return [by_time[open_time] for open_time in sorted(by_time)]


def _write_few(connection: Connection, candles: Sequence[Candle], origin: dict[str, object]) -> tuple[int, int]:
    rows = [origin | dict(zip(_COLUMNS, _values(candle), strict=True)) for candle in candles]
    written = connection.execute(_correcting(insert(CANDLES)).returning(_INSERTED), rows).scalars().all()
    inserted = sum(written)
    return inserted, len(written) - inserted


def _write_many(connection: Connection, candles: Sequence[Candle], origin: dict[str, object]) -> tuple[int, int]:
    connection.execute(text(f"SET LOCAL statement_timeout = '{_BULK_TIMEOUT}'"))
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE {_STAGING.name} ON COMMIT DROP"
            f" AS SELECT {', '.join(_COLUMNS)} FROM candles WITH NO DATA"
        )
    )
    cursor = cast(Cursor, connection.connection.cursor())
    for start in range(0, len(candles), _COPY_CHUNK_ROWS):
        lines = _copy_lines(candles[start : start + _COPY_CHUNK_ROWS])
        cursor.copy_expert(f"COPY {_STAGING.name} FROM STDIN", io.StringIO("".join(lines)))
    staged = select(*(literal(value) for value in origin.values()), *_STAGING.c).order_by(_STAGING.c.open_time)
    written = _correcting(insert(CANDLES).from_select([*origin, *_COLUMNS], staged)).returning(_INSERTED).cte("written")
    counts = select(
        func.count().filter(written.c.inserted).label("inserted"),
        func.count().filter(~written.c.inserted).label("corrected"),
    )
    inserted, corrected = connection.execute(counts).one()
    connection.execute(text(f"DROP TABLE {_STAGING.name}"))  # the transaction may write another series
    return inserted, corrected


def _correcting(statement: Insert) -> Insert:
    replaced = (*_VALUES, "source", "received_at")
    return statement.on_conflict_do_update(
        index_elements=["symbol", "interval", "open_time"],
        set_={name: statement.excluded[name] for name in replaced},
        where=tuple_(*(CANDLES.c[name] for name in _VALUES)) != tuple_(*(statement.excluded[n] for n in _VALUES)),
    )


def _copy_lines(candles: Iterable[Candle]) -> Iterable[str]:
    # plain str() of each: half the time of a generic join, which counts for a million
    return (f"{c.open_time!s}\t{c.open!s}\t{c.high!s}\t{c.low!s}\t{c.close!s}\t{c.volume!s}\n" for c in candles)


def _values(candle: Candle) -> tuple[object, ...]:
    return (candle.open_time, candle.open, candle.high, candle.low, candle.close, candle.volume)
