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

from trading_platform.adapters.postgres import candle_gaps
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

# as text: SQLAlchemy compiles an INSERT with ON CONFLICT anew each time, which took longer than the database
_WRITE_FEW = text(
    """
    INSERT INTO candles (symbol, interval, open_time, open, high, low, close, volume, source, received_at)
    SELECT :symbol, :interval, r.*, :source, :received_at
    FROM unnest(
        CAST(:open_times AS timestamptz[]), CAST(:opens AS numeric[]), CAST(:highs AS numeric[]),
        CAST(:lows AS numeric[]), CAST(:closes AS numeric[]), CAST(:volumes AS numeric[])
    ) r
    ON CONFLICT (symbol, interval, open_time) DO UPDATE
    SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, source = excluded.source, received_at = excluded.received_at
    WHERE (candles.open, candles.high, candles.low, candles.close, candles.volume)
        != (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)
    RETURNING candles.xmax = 0, EXISTS (
        SELECT FROM candle_gaps g WHERE g.symbol = candles.symbol AND g.interval = candles.interval
        AND candles.open_time BETWEEN g.first_missing AND g.last_missing
    )
    """
)


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
    inserted, corrected, may_end_a_gap = write(connection, distinct, origin)
    if may_end_a_gap:
        candle_gaps.forget(connection, symbol, interval, [candle.open_time for candle in distinct])
    return CandleWrite(inserted, corrected, len(distinct) - inserted - corrected)


def _ascend(candles: Sequence[Candle]) -> bool:
    return all(earlier.open_time < later.open_time for earlier, later in pairwise(candles))


def _distinct(candles: Sequence[Candle]) -> list[Candle]:
    by_time = {candle.open_time: candle for candle in candles}
    return [by_time[open_time] for open_time in sorted(by_time)]


def _write_few(connection: Connection, candles: Sequence[Candle], origin: dict[str, object]) -> tuple[int, int, bool]:
    rows = {f"{name}s": [getattr(candle, name) for candle in candles] for name in _COLUMNS}
    written = connection.execute(_WRITE_FEW, origin | rows).all()
    inserted = sum(row[0] for row in written)
    return inserted, len(written) - inserted, any(row[1] for row in written)


def _write_many(connection: Connection, candles: Sequence[Candle], origin: dict[str, object]) -> tuple[int, int, bool]:
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
    return inserted, corrected, inserted > 0


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
