"""Write stored candles into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from trading_platform.domain.candle import Interval
from trading_platform.ports.candle_files import CandleFileFormat
from trading_platform.ports.series_store import SeriesStore

CHUNK_CANDLES = 50_000


@dataclass(frozen=True)
class Exported:
    """What was written."""

    candles: int
    first: datetime | None
    last: datetime | None


def export_candles(
    store: SeriesStore,
    file_format: CandleFileFormat,
    path: Path,
    symbol: str,
    interval: Interval,
    start: datetime | None,
    end: datetime | None,
    on_candles: Callable[[int, int], None],
) -> Exported:
    """Write the candles with start <= open_time < end, ascending, a chunk at a time.

    Parameters
    ----------
    on_candles
        Told how many are written, of how many.

    Raises
    ------
    FixSettings
        If the file can't be written, or a value doesn't fit into its format.
    RetryLater
        If the store doesn't answer; there is no file then.
    """
    per_day = store.candles_per_day(symbol, interval, start=start, end=end)
    total = sum(per_day.values())
    done = Exported(0, None, None)
    with file_format.create(path, symbol, interval) as file:
        for first_day, last_day in _chunks(per_day):
            chunk_start = max(_midnight(first_day), start) if start else _midnight(first_day)
            after = _midnight(last_day + timedelta(days=1))
            candles = store.candles(symbol, interval, start=chunk_start, end=min(after, end) if end else after)
            file.append(candles)
            if candles:
                first = done.first or candles[0].open_time
                done = Exported(done.candles + len(candles), first, candles[-1].open_time)
            on_candles(done.candles, total)
    return done


def _chunks(per_day: dict[date, int]) -> Iterator[tuple[date, date]]:
    """First and last day of parts that fit into memory."""
    begun: date | None = None
    last, size = date.min, 0
    for day, count in per_day.items():
        if begun is not None and size + count > CHUNK_CANDLES:
            yield begun, last
            begun = None
        if begun is None:
            begun, size = day, 0
        last, size = day, size + count
    if begun is not None:
        yield begun, last


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
