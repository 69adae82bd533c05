"""Move market data and metrics from one series store to another, verified row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time

import structlog

from trading_platform.domain.candle import Interval
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.ports.migration_progress import MigrationProgress
from trading_platform.ports.movable_store import Arrived, CandleRecord, MovableStore
from trading_platform.ports.series_store import CandleRange, CandleWrite, SeriesStore
from trading_platform.services.candle_chunks import day_chunks

CHUNK_CANDLES = 20_000
MOST_INDICATORS = 100_000
_ROWS_AT_ONCE = 5_000

log = structlog.get_logger()


@dataclass(frozen=True)
class MovedSeries:
    """What became of one series.

    Parameters
    ----------
    candles
        Moved and compared in this run.
    write
        What writing them changed in the target; corrected are those that it had otherwise.
    corrections
        Earlier states of candles that went along.
    resumed_at
        An earlier run had moved and compared what opened before that.
    checksum, target_checksum
        SHA-256 over all that is kept of this run's candles in the source, and of the same ones in the target now.
    wrong
        Candles that the target lacks or has otherwise.
    more_in_target
        Candles in the target between the first and the last one moved that the source doesn't have.
    """

    symbol: str
    interval: Interval
    candles: int
    write: CandleWrite
    corrections: int
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


@dataclass(frozen=True)
class MovedMetrics:
    """What became of the platform's own measurements.

    Parameters
    ----------
    points
        Moved and compared.
    wrong
        Those that the target lacks or has otherwise.
    """

    points: int
    checksum: str
    target_checksum: str
    wrong: int

    @property
    def is_verified(self) -> bool:
        """Whether both stores have the same."""
        return not self.wrong and self.checksum == self.target_checksum


def count_candles(source: SeriesStore, symbol: str, interval: Interval, progress: MigrationProgress) -> int:
    """Candles that are still to be moved."""
    return sum(source.candles_per_day(symbol, interval, start=progress.done_until(symbol, interval)).values())


def move_series(
    source: MovableStore,
    target: MovableStore,
    symbol: str,
    interval: Interval,
    progress: MigrationProgress,
    on_candles: Callable[[int], None],
) -> MovedSeries:
    """Copy a series' candles, its recorded gaps and indicators; moving again changes nothing.

    A candle goes with where it came from, when it was received, and what it was before its corrections. A part counts
    as moved when it has been read back from the target and is the same to the last digit. What an earlier run had moved
    is compared once more by counts and corrections; if it isn't the same any more, all is gone through anew.

    Parameters
    ----------
    on_candles
        Told how many are moved and compared.

    Raises
    ------
    RetryLater
        If a store doesn't answer; the next call goes on where this one stopped.
    """
    done = _move(source, target, symbol, interval, progress, on_candles)
    if done.resumed_at and not done.wrong and not _agree(source, target, symbol, interval, done.resumed_at):
        log.warning("store_migration_begins_anew", symbol=symbol, interval=str(interval))
        progress.finish(symbol, interval)
        done = _move(source, target, symbol, interval, progress, on_candles)
    if not done.wrong:
        progress.finish(symbol, interval)
    return done


def is_unfinished(symbol: str, interval: Interval, progress: MigrationProgress) -> bool:
    """Whether an earlier run broke off, be it after its last candle."""
    return progress.done_until(symbol, interval) is not None


def _agree(source: MovableStore, target: MovableStore, symbol: str, interval: Interval, until: datetime) -> bool:
    oldest = min(source.candles_per_day(symbol, interval, end=until), default=None)
    if oldest is None:
        return True
    first = datetime.combine(oldest, time(0), UTC)
    before = CandleRange(symbol, interval, first, until - interval.length)
    theirs, ours = (store.versions([before])[0].inside for store in (source, target))
    return theirs == ours


def _move(
    source: MovableStore,
    target: MovableStore,
    symbol: str,
    interval: Interval,
    progress: MigrationProgress,
    on_candles: Callable[[int], None],
) -> MovedSeries:
    resumed_at = progress.done_until(symbol, interval)
    per_day = source.candles_per_day(symbol, interval, start=resumed_at)
    sums, write = (hashlib.sha256(), hashlib.sha256()), CandleWrite()
    moved = wrong = more = corrections = 0
    for start, end in day_chunks(per_day, CHUNK_CANDLES):
        begin = max(start, resumed_at) if resumed_at else start
        records = _records(source, symbol, interval, begin, end)
        write += _bring(target, symbol, interval, records, _records(target, symbol, interval, begin, end))
        there = _records(target, symbol, interval, begin, end)
        same = [there[time] for time in records if time in there]
        for checksum, rows in zip(sums, (records.values(), same), strict=True):
            checksum.update("".join(map(_line, rows)).encode())
        wrong += sum(there.get(time) != record for time, record in records.items())
        more += len(there) - len(same)
        moved += len(records)
        corrections += sum(len(record.earlier) for record in records.values())
        if not wrong and records:
            progress.note(symbol, interval, interval.close_of(max(records)))
        on_candles(moved)
    gaps, indicators = _move_gaps(source, target, symbol, interval), _move_indicators(source, target, symbol, interval)
    theirs, ours = (checksum.hexdigest() for checksum in sums)
    return MovedSeries(
        symbol, interval, moved, write, corrections, gaps, indicators, resumed_at, theirs, ours, wrong, more
    )


def _records(
    store: MovableStore, symbol: str, interval: Interval, start: datetime, end: datetime
) -> dict[datetime, CandleRecord]:
    """By open time, ascending."""
    found = store.candle_records(symbol, interval, start=start, end=end)
    return {record.now.candle.open_time: record for record in found}


def _bring(
    target: MovableStore,
    symbol: str,
    interval: Interval,
    records: Mapping[datetime, CandleRecord],
    there: Mapping[datetime, CandleRecord],
) -> CandleWrite:
    other = [record for time, record in records.items() if there.get(time) != record]
    target.take_records(symbol, interval, other)
    replaced = sum(record.now.candle.open_time in there for record in other)
    return CandleWrite(len(other) - replaced, replaced, len(records) - len(other))


def move_tickers(source: SeriesStore, target: SeriesStore, symbols: Iterable[str]) -> int:
    """Copy the latest prices; how many."""
    tickers = [*source.tickers([*symbols]).values()]
    target.write_tickers(tickers)
    return len(tickers)


def move_metrics(source: SeriesStore, target: SeriesStore, since: datetime) -> MovedMetrics:
    """Copy the platform's own measurements; moving again changes nothing.

    Parameters
    ----------
    since
        Older ones are left behind: the target may keep them for a shorter time, and would refuse them.
    """
    sums, moved, wrong = (hashlib.sha256(), hashlib.sha256()), 0, 0
    for name in MetricName:
        points = source.metrics(name, since=since)
        for first in range(0, len(points), _ROWS_AT_ONCE):
            target.save_metrics(points[first : first + _ROWS_AT_ONCE])
        there = {(point.at, point.subject): point for point in target.metrics(name, since=since)}
        found = [there.get((point.at, point.subject)) for point in points]
        for checksum, rows in zip(sums, (points, [point for point in found if point is not None]), strict=True):
            checksum.update("".join(map(_metric_line, rows)).encode())
        moved += len(points)
        wrong += sum(other != point for other, point in zip(found, points, strict=True))
    theirs, ours = (checksum.hexdigest() for checksum in sums)
    return MovedMetrics(moved, theirs, ours, wrong)


def _move_gaps(source: SeriesStore, target: SeriesStore, symbol: str, interval: Interval) -> int:
    gaps = source.known_gaps(symbol, interval)
    for over in (gap for gap in target.known_gaps(symbol, interval) if gap not in gaps):  # filled, or less by now
        end, confirmed_at = interval.close_of(over.last_missing), over.confirmed_at or over.first_missing
        target.record_gaps(symbol, interval, [], start=over.first_missing, end=end, confirmed_at=confirmed_at)
    for gap in gaps:
        if gap.confirmed_at is not None:
            end = interval.close_of(gap.last_missing)
            target.record_gaps(symbol, interval, [gap], start=gap.first_missing, end=end, confirmed_at=gap.confirmed_at)
    return len(gaps)


def _move_indicators(source: SeriesStore, target: SeriesStore, symbol: str, interval: Interval) -> int:
    rows = source.indicators(symbol, interval, newest=MOST_INDICATORS)
    times = sorted(rows)
    for first in range(0, len(times), _ROWS_AT_ONCE):
        part = times[first : first + _ROWS_AT_ONCE]
        target.write_indicators(symbol, interval, {time: rows[time] for time in part})
    return len(rows)


def _line(record: CandleRecord) -> str:
    """All that is kept of a candle, as text."""
    states = [(record.revision, record.now), *record.earlier]
    return ";".join(f"{revision},{_text(arrived)}" for revision, arrived in states) + "\n"


def _text(arrived: Arrived) -> str:
    """The same for the same values, however many zeros they end in."""
    candle = arrived.candle
    values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    numbers = ",".join(format(value.normalize(), "f") for value in values)
    received = arrived.received_at.astimezone(UTC).isoformat()
    return f"{candle.open_time.astimezone(UTC).isoformat()},{numbers},{arrived.source},{received}"


def _metric_line(point: MetricPoint) -> str:
    return f"{point.name},{point.subject},{point.at.astimezone(UTC).isoformat()},{point.value!r}\n"
