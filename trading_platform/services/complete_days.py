"""Which days of the history are whole for every symbol?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from trading_platform.domain.candle import Gap, Interval
from trading_platform.ports.series_store import SeriesStore

_DAY = timedelta(days=1)


def complete_days(
    store: SeriesStore, symbols: Sequence[str], interval: Interval, first: date, last: date
) -> dict[date, dict[str, int]]:
    """Days from `first` to `last` whose candles are all stored, or in gaps of the venue's own: rows per symbol."""
    start, end = _midnight(first), _midnight(last) + _DAY
    stored = {symbol: store.candles_per_day(symbol, interval, start=start, end=end) for symbol in symbols}
    gaps = {symbol: store.known_gaps(symbol, interval, start=start, end=end) for symbol in symbols}
    complete = {}
    day = first
    while day <= last:
        rows = {symbol: stored[symbol].get(day, 0) for symbol in symbols}
        if all(rows[symbol] + _missing(gaps[symbol], interval, day) == _DAY // interval.length for symbol in symbols):
            complete[day] = rows
        day += _DAY
    return complete


def _missing(gaps: Sequence[Gap], interval: Interval, day: date) -> int:
    start = _midnight(day)
    return sum(
        max(
            0,
            (min(interval.close_of(gap.last_missing), start + _DAY) - max(gap.first_missing, start)) // interval.length,
        )
        for gap in gaps
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
