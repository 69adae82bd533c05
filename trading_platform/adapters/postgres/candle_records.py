"""Candles with everything that is kept of them, for a move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select
from sqlalchemy.dialects.postgresql import insert

from trading_platform.adapters.postgres.tables import CANDLE_CORRECTIONS, CANDLES
from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.movable_store import Arrived, CandleRecord

_COLUMNS = ("open_time", "open", "high", "low", "close", "volume", "source", "received_at", "revision")
_ROWS_AT_ONCE = 1000


def read(connection: Connection, symbol: str, interval: Interval, start: datetime, end: datetime) -> list[CandleRecord]:
    """Those with start <= open_time < end, ascending."""
    earlier: dict[datetime, list[tuple[int, Arrived]]] = defaultdict(list)
    for row in _rows(connection, CANDLE_CORRECTIONS, symbol, interval, start, end):
        earlier[row.open_time].append((row.revision, _arrived(row)))
    return [
        CandleRecord(_arrived(row), row.revision, tuple(earlier.get(row.open_time, ())))
        for row in _rows(connection, CANDLES, symbol, interval, start, end)
    ]


def write(connection: Connection, symbol: str, interval: Interval, records: Sequence[CandleRecord]) -> None:
    """In place of what is there: deleted first, since an update would be a correction."""
    for first in range(0, len(records), _ROWS_AT_ONCE):
        part = records[first : first + _ROWS_AT_ONCE]
        times = [record.now.candle.open_time for record in part]
        series = {"symbol": symbol, "interval": interval.name}
        kept = {
            CANDLES: [series | _row(record.now, record.revision) for record in part],
            CANDLE_CORRECTIONS: [series | _row(was, revision) for record in part for revision, was in record.earlier],
        }
        for table, rows in kept.items():
            there = (table.c.symbol == symbol, table.c.interval == interval.name, table.c.open_time.in_(times))
            connection.execute(delete(table).where(*there))
            if rows:
                connection.execute(insert(table), rows)


def _rows(
    connection: Connection, table: Table, symbol: str, interval: Interval, start: datetime, end: datetime
) -> Sequence[Row[Any]]:
    query = select(*(table.c[name] for name in _COLUMNS)).where(
        table.c.symbol == symbol, table.c.interval == interval.name, table.c.open_time >= start, table.c.open_time < end
    )
    return connection.execute(query.order_by(table.c.open_time, table.c.revision)).all()


def _arrived(row: Row[Any]) -> Arrived:
    candle = Candle(row.open_time, row.open, row.high, row.low, row.close, row.volume)
    return Arrived(candle, row.source, row.received_at)


def _row(arrived: Arrived, revision: int) -> dict[str, object]:
    candle = arrived.candle
    values = (candle.open_time, candle.open, candle.high, candle.low, candle.close, candle.volume)
    return dict(zip(_COLUMNS, (*values, arrived.source, arrived.received_at, revision), strict=True))
