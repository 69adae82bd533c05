"""What a series store holds, series by series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from trading_platform.domain.candle import Interval
from trading_platform.ports.series_store import SeriesStore


@dataclass(frozen=True)
class StoredSeries:
    """One series; times are of the open of its oldest and newest candle."""

    symbol: str
    interval: str
    candles: int
    oldest: datetime | None
    newest: datetime | None


def summarise_store(
    store: SeriesStore, symbols: Sequence[str], intervals: Sequence[Interval], configured: Sequence[Interval]
) -> list[StoredSeries]:
    """Every series of these symbols that has candles, and each of the `configured` intervals in any case.

    Raises
    ------
    RetryLater
        If the store doesn't answer.
    """
    found = []
    for symbol in symbols:
        for interval in intervals:
            per_day = store.candles_per_day(symbol, interval)
            if per_day or interval in configured:
                newest = store.newest_open_time(symbol, interval)
                oldest = _oldest(store, symbol, interval, per_day)
                found.append(StoredSeries(symbol, interval.name, sum(per_day.values()), oldest, newest))
    return found


def _oldest(store: SeriesStore, symbol: str, interval: Interval, per_day: dict[date, int]) -> datetime | None:
    if not per_day:
        return None
    midnight = datetime.combine(min(per_day), time(0), UTC)
    first_day = store.candles(symbol, interval, start=midnight, end=midnight + timedelta(days=1))
    return first_day[0].open_time if first_day else None
