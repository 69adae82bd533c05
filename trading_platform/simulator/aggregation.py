"""Candles of every interval, exactly, from the base candles up to a moment."""

from __future__ import annotations

import numpy as np

from trading_platform.simulator.candles import CandleTable, decimal, exact_sums
from trading_platform.simulator.errors import bad_parameter
from trading_platform.simulator.model import Kline
from trading_platform.simulator.path import candle_until, print_at

INTERVALS_MS = {
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
}
MAX_KLINES = 1000


def intervals_from(base_ms: int) -> dict[str, int]:
    """The intervals, by name, that whole base candles add up to."""
    return {name: ms for name, ms in INTERVALS_MS.items() if ms % base_ms == 0}


def klines(
    table: CandleTable,
    interval_ms: int,
    now_ms: int,
    start_ms: int | None,
    end_ms: int | None,
    limit: int,
) -> list[Kline]:
    """Candles of an interval, oldest first, as the exchange shows them at ``now_ms``.

    A leading candle whose first base candles aren't in the table is left out.
    """
    if limit < 1:
        raise bad_parameter("Illegal value for parameter 'limit'; it must be at least 1.")
    limit = min(limit, MAX_KLINES)
    first, stop = _bucket_span(table, interval_ms, now_ms, start_ms, end_ms)
    ratio = interval_ms // table.interval_ms
    low = table.row_at_or_after(first * ratio)
    high = table.row_at_or_after(min(stop * ratio, now_ms // table.interval_ms + 1))
    if start_ms is None:
        low = max(low, high - (limit + 1) * ratio)
        return _aggregate(table.rows(low, high), interval_ms, now_ms)[-limit:]
    return _aggregate(table.rows(low, min(high, low + limit * ratio)), interval_ms, now_ms)[:limit]


def _bucket_span(
    table: CandleTable, interval_ms: int, now_ms: int, start_ms: int | None, end_ms: int | None
) -> tuple[int, int]:
    """First wanted candle of the interval and the one after the last, counted from the epoch."""
    if not len(table):
        return 0, 0
    first = -(-int(table.number[0]) * table.interval_ms // interval_ms)
    stop = now_ms // interval_ms + 1
    if start_ms is not None:
        first = max(first, -(-start_ms // interval_ms))
    if end_ms is not None:
        stop = min(stop, end_ms // interval_ms + 1)
    return first, stop


def _aggregate(rows: CandleTable, interval_ms: int, now_ms: int) -> list[Kline]:
    if not len(rows):
        return []
    rows = _as_of(rows, now_ms)
    buckets = rows.number * rows.interval_ms // interval_ms
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    ends = np.append(starts[1:], len(rows)) - 1
    scale = rows.scale
    columns = zip(
        (buckets[starts] * interval_ms).tolist(),
        rows.open[starts].tolist(),
        np.maximum.reduceat(rows.high, starts).tolist(),
        np.minimum.reduceat(rows.low, starts).tolist(),
        rows.close[ends].tolist(),
        *(
            exact_sums(getattr(rows, name), starts)
            for name in ("volume", "quote_volume", "trades", "taker_base", "taker_quote")
        ),
        strict=True,
    )
    return [
        Kline(
            open_ms,
            decimal(open_, scale.price),
            decimal(high, scale.price),
            decimal(low, scale.price),
            decimal(close, scale.price),
            decimal(volume, scale.volume),
            open_ms + interval_ms - 1,
            decimal(quote, scale.quote),
            trades,
            decimal(taker_base, scale.volume),
            decimal(taker_quote, scale.quote),
            open_ms + interval_ms <= now_ms,
        )
        for open_ms, open_, high, low, close, volume, quote, trades, taker_base, taker_quote in columns
    ]


def _as_of(rows: CandleTable, now_ms: int) -> CandleTable:
    """The rows with the last one cut down to what has happened so far."""
    elapsed_ms = now_ms - int(rows.number[-1]) * rows.interval_ms
    if elapsed_ms >= rows.interval_ms:
        return rows
    return rows.with_last(candle_until(rows.candle(-1), print_at(elapsed_ms, rows.interval_ms)))
