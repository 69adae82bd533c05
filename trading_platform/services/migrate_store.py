"""Move market data from one series store to another, verified candle by candle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.clock import Clock
from trading_platform.ports.migration_progress import MigrationProgress
from trading_platform.ports.series_store import CandleWrite, SeriesStore
from trading_platform.services.candle_chunks import day_chunks

CHUNK_CANDLES = 20_000
MOST_INDICATORS = 100_000
_INDICATORS_AT_ONCE = 5_000


@dataclass(frozen=True)
class MovedSeries:
    """What became of one series.

    Parameters
    ----------
    candles
        Moved and compared in this run.
    write
        What writing them changed in the target.
    resumed_at
        An earlier run had moved and compared what opened before that.
    checksum, target_checksum
        SHA-256 over the candles of this run as the source has them, and as the target has the same ones now.
    wrong
        Candles that the target lacks or has otherwise.
    more_in_target
        Candles in the target between the first and the last one moved that the source doesn't have.
    """

    symbol: str
    interval: Interval
    candles: int
    write: CandleWrite
    gaps: int
    indicators: int
    resumed_at: datetime | None
    checksum: str
    target_checksum: str
    wrong: int
    more_in_target: int

    @property
    def is_verified(self) -> bool:
        """Whether both stores have the same."""
        return not self.wrong and self.checksum == self.target_checksum


def count_candles(source: SeriesStore, symbol: str, interval: Interval, progress: MigrationProgress) -> int:
    """Candles that are still to be moved."""
    return sum(source.candles_per_day(symbol, interval, start=progress.done_until(symbol, interval)).values())


def move_series(
    source: SeriesStore,
    target: SeriesStore,
    clock: Clock,
    symbol: str,
    interval: Interval,
    progress: MigrationProgress,
    on_candles: Callable[[int], None],
) -> MovedSeries:
    """Copy a series' candles with where they came from, its recorded gaps and indicators; moving again changes nothing.

    A part counts as moved when it has been read back from the target and is the same to the last digit. When a candle
    was received isn't told by a store, so the target knows when it was moved instead.

    Parameters
    ----------
    on_candles
        Told how many are moved and compared.

    Raises
    ------
    RetryLater
        If a store doesn't answer; the next call goes on where this one stopped.
    """
    resumed_at = progress.done_until(symbol, interval)
    per_day = source.candles_per_day(symbol, interval, start=resumed_at)
    sums, write = (hashlib.sha256(), hashlib.sha256()), CandleWrite()
    moved = wrong = more = 0
    for start, end in day_chunks(per_day, CHUNK_CANDLES):
        begin = max(start, resumed_at) if resumed_at else start
        candles = source.candles(symbol, interval, start=begin, end=end)
        for came_from, group in _by_source(source, symbol, interval, begin, end, candles).items():
            write += target.write_candles(symbol, interval, group, source=came_from, received_at=clock.wall())
        there = {candle.open_time: candle for candle in target.candles(symbol, interval, start=begin, end=end)}
        same = [there[candle.open_time] for candle in candles if candle.open_time in there]
        for checksum, rows in zip(sums, (candles, same), strict=True):
            checksum.update("".join(_lines(rows)).encode())
        wrong += sum(there.get(candle.open_time) != candle for candle in candles)
        more += len(there) - len(same)
        moved += len(candles)
        if not wrong and candles:
            progress.note(symbol, interval, interval.close_of(candles[-1].open_time))
        on_candles(moved)
    gaps, indicators = _move_gaps(source, target, symbol, interval), _move_indicators(source, target, symbol, interval)
    if not wrong:
        progress.finish(symbol, interval)
    theirs, ours = (checksum.hexdigest() for checksum in sums)
    return MovedSeries(symbol, interval, moved, write, gaps, indicators, resumed_at, theirs, ours, wrong, more)


def _by_source(
    store: SeriesStore, symbol: str, interval: Interval, start: datetime, end: datetime, candles: Sequence[Candle]
) -> dict[str, list[Candle]]:
    origin = store.sources(symbol, interval, start=start, end=end)
    groups: dict[str, list[Candle]] = {}
    for candle in candles:
        groups.setdefault(origin.get(candle.open_time, "rest"), []).append(candle)
    return groups


def move_tickers(source: SeriesStore, target: SeriesStore, symbols: Iterable[str]) -> int:
    """Copy the latest prices; how many."""
    tickers = [*source.tickers([*symbols]).values()]
    target.write_tickers(tickers)
    return len(tickers)


def _move_gaps(source: SeriesStore, target: SeriesStore, symbol: str, interval: Interval) -> int:
    gaps = source.known_gaps(symbol, interval)
    for gap in gaps:
        if gap.confirmed_at is not None:
            end = interval.close_of(gap.last_missing)
            target.record_gaps(symbol, interval, [gap], start=gap.first_missing, end=end, confirmed_at=gap.confirmed_at)
    return len(gaps)


def _move_indicators(source: SeriesStore, target: SeriesStore, symbol: str, interval: Interval) -> int:
    rows = source.indicators(symbol, interval, newest=MOST_INDICATORS)
    times = sorted(rows)
    for first in range(0, len(times), _INDICATORS_AT_ONCE):
        part = times[first : first + _INDICATORS_AT_ONCE]
        target.write_indicators(symbol, interval, {time: rows[time] for time in part})
    return len(rows)


def _lines(candles: Iterable[Candle]) -> Iterator[str]:
    """Each candle as text that is the same for the same values, however many zeros they end in."""
    for candle in candles:
        values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        numbers = ",".join(format(value.normalize(), "f") for value in values)
        yield f"{candle.open_time.isoformat()},{numbers}\n"
