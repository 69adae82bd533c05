"""Write stored candles into a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trading_platform.domain.candle import Interval
from trading_platform.ports.candle_files import CandleFileFormat
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.candle_chunks import day_chunks

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
        for first, after in day_chunks(per_day, CHUNK_CANDLES):
            chunk_start, chunk_end = max(first, start) if start else first, min(after, end) if end else after
            candles = store.candles(symbol, interval, start=chunk_start, end=chunk_end)
            file.append(candles)
            if candles:
                oldest = done.first or candles[0].open_time
                done = Exported(done.candles + len(candles), oldest, candles[-1].open_time)
            on_candles(done.candles, total)
    return done
