"""Holes in the stored candles, and the records of those that the venue itself has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, select

from trading_platform.adapters.postgres.tables import CANDLE_GAPS, CANDLES
from trading_platform.domain.candle import Gap, Interval, missing_within, subtract_gaps


def holes(connection: Connection, symbol: str, interval: Interval, start: datetime) -> list[Gap]:
    """Holes between stored candles that reach beyond `start`, which may lie in one of them."""
    series = and_(CANDLES.c.symbol == symbol, CANDLES.c.interval == interval.name)
    time = CANDLES.c.open_time
    before = select(func.max(time)).where(series, time < start).scalar_subquery()
    later = func.lead(time).over(order_by=time).label("later")
    pairs = select(time, later).where(series, time >= func.coalesce(before, start)).subquery()
    query = select(pairs.c.open_time, pairs.c.later).where(
        pairs.c.later - pairs.c.open_time > interval.length, pairs.c.later > start
    )
    found = connection.execute(query.order_by(pairs.c.open_time))
    return [Gap.between(row.open_time + interval.length, row.later, interval) for row in found]


def known(
    connection: Connection, symbol: str, interval: Interval, start: datetime | None, end: datetime | None
) -> list[Gap]:
    """Recorded gaps that touch the range, ascending."""
    return [Gap(*row) for row in connection.execute(_recorded(symbol, interval, start, end))]


def record(
    connection: Connection,
    symbol: str,
    interval: Interval,
    gaps: Sequence[Gap],
    start: datetime,
    end: datetime,
    confirmed_at: datetime,
) -> None:
    """Replace what was recorded of the range; records across its edges keep what lies outside."""
    _wait_for_turn(connection, symbol, interval)
    old = _take(connection, symbol, interval, start, end)
    kept = subtract_gaps(old, [Gap.between(start, end, interval)], interval)
    new = []
    for gap in gaps:
        first, end_of_gap = gap.first_missing, gap.last_missing + interval.length
        # another process may have got them meanwhile
        stored = _stored(connection, symbol, interval, first, end_of_gap)
        missing = missing_within(stored, interval, first, end_of_gap)
        new += [replace(rest, confirmed_at=confirmed_at) for rest in missing]
    _put(connection, symbol, interval, [*kept, *new])


def forget(connection: Connection, symbol: str, interval: Interval, open_times: Sequence[datetime]) -> None:
    """Candles have come: what was recorded as missing among them is no gap any more. Called after they are written."""
    _wait_for_turn(connection, symbol, interval)
    first, last = min(open_times), max(open_times)
    touched = _take(connection, symbol, interval, first, last + interval.length)
    if not touched:
        return
    ascending = sorted(open_times)
    rest = [
        replace(part, confirmed_at=gap.confirmed_at)
        for gap in touched
        for part in missing_within(ascending, interval, gap.first_missing, gap.last_missing + interval.length)
    ]
    _put(connection, symbol, interval, rest)


def _wait_for_turn(connection: Connection, symbol: str, interval: Interval) -> None:
    """One writer of a series' gaps at a time, until its transaction ends.

    Otherwise two that fill the same day insert the same record, and one that has just looked for a candle records as
    missing what another has written and not committed yet.
    """
    name = f"candle_gaps {symbol} {interval}"
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def within(
    query: Select[Any], time: ColumnElement[datetime], start: datetime | None, end: datetime | None
) -> Select[Any]:
    """The query, for start <= time < end."""
    if start is not None:
        query = query.where(time >= start)
    return query if end is None else query.where(time < end)


def _recorded(symbol: str, interval: Interval, start: datetime | None, end: datetime | None) -> Select[Any]:
    columns = [CANDLE_GAPS.c[name] for name in ("first_missing", "last_missing", "candles", "confirmed_at")]
    query = select(*columns).where(CANDLE_GAPS.c.symbol == symbol, CANDLE_GAPS.c.interval == interval.name)
    if start is not None:
        query = query.where(CANDLE_GAPS.c.last_missing >= start)
    if end is not None:
        query = query.where(CANDLE_GAPS.c.first_missing < end)
    return query.order_by(CANDLE_GAPS.c.first_missing)


def _stored(
    connection: Connection, symbol: str, interval: Interval, start: datetime, end: datetime
) -> Sequence[datetime]:
    query = select(CANDLES.c.open_time).where(CANDLES.c.symbol == symbol, CANDLES.c.interval == interval.name)
    return (
        connection.execute(within(query, CANDLES.c.open_time, start, end).order_by(CANDLES.c.open_time)).scalars().all()
    )


def _take(connection: Connection, symbol: str, interval: Interval, start: datetime, end: datetime) -> list[Gap]:
    """Delete the records that touch the range, and return them."""
    found = connection.execute(_recorded(symbol, interval, start, end).with_for_update())
    gaps = [Gap(*row) for row in found]
    if gaps:
        connection.execute(
            delete(CANDLE_GAPS)
            .where(CANDLE_GAPS.c.symbol == symbol, CANDLE_GAPS.c.interval == interval.name)
            .where(CANDLE_GAPS.c.first_missing.in_([gap.first_missing for gap in gaps]))
        )
    return gaps


def _put(connection: Connection, symbol: str, interval: Interval, gaps: Sequence[Gap]) -> None:
    if gaps:
        rows = [
            {
                "symbol": symbol,
                "interval": interval.name,
                "first_missing": gap.first_missing,
                "last_missing": gap.last_missing,
                "candles": gap.candles,
                "confirmed_at": gap.confirmed_at,
            }
            for gap in gaps
        ]
        connection.execute(insert(CANDLE_GAPS), rows)
