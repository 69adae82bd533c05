"""Bring recorded candles from archive files into the store: all of them once, however often it is interrupted."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings
from trading_platform.kline_archive import ArchiveReader, epoch_ms, parse_candle
from trading_platform.ports.candle_files import ImportProgress
from trading_platform.ports.clock import Clock
from trading_platform.ports.series_store import CandleWrite, SeriesStore

CHUNK_ROWS = 50_000
_LOOKED_AT_ROWS = 1000


@dataclass(frozen=True)
class ArchiveFile:
    """A file and the series that it holds."""

    path: Path
    symbol: str
    interval: Interval


@dataclass(frozen=True)
class BadRow:
    """A row that is no candle of the series; it is left out."""

    path: Path
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


@dataclass
class ImportedFile:
    """What the import of one file did.

    Parameters
    ----------
    resumed_after
        Rows that an interrupted import had stored before.
    first, last
        Open times of the file's candles, those stored before included.
    """

    file: ArchiveFile
    resumed_after: int
    rows: int = 0
    write: CandleWrite = field(default_factory=CandleWrite)
    first: datetime | None = None
    last: datetime | None = None
    bad_rows: list[BadRow] = field(default_factory=list)


@dataclass(frozen=True)
class _Chunk:
    rows: int
    candles: list[Candle]


def import_archive(
    store: SeriesStore,
    clock: Clock,
    file: ArchiveFile,
    progress: ImportProgress,
    on_bytes: Callable[[int], None],
) -> ImportedFile:
    """Import one file in chunks, each a transaction of its own; a candle that differs from a stored one replaces it.

    The store writes one chunk while the next is read. Candles that haven't closed by the venue's clock are bad rows:
    in a replay they would be the future.

    Parameters
    ----------
    on_bytes
        Told how many bytes of the file are read.

    Raises
    ------
    FixSettings
        If the file can't be read, or its candles are of another interval.
    RetryLater
        If the store doesn't answer; the next import goes on where this one ended.
    """
    _require_interval(file)
    now = clock.read().now
    done = ImportedFile(file, progress.rows_done(file.path))
    writing: Future[CandleWrite] | None = None
    # what is noted lags a chunk behind: the store's newest commit needn't be on disk yet
    on_disk, begun = done.resumed_after, done.resumed_after
    with ArchiveReader(file.path) as archive, ThreadPoolExecutor(1) as writer, _uncollected():
        for chunk in _chunks(archive, file, now, done):
            if writing:
                done.write += writing.result()
                progress.note(file.path, on_disk)
                on_disk = begun
            writing = writer.submit(_write, store, clock, file, chunk.candles)
            begun += chunk.rows
            on_bytes(archive.bytes_read)
        if writing:
            done.write += writing.result()
    progress.finish(file.path)
    return done


def _require_interval(file: ArchiveFile) -> None:
    """Refuse candles of another interval by how the file begins: some of them would fit the grid of this one, too."""
    with ArchiveReader(file.path) as archive:
        begin = list(islice(archive.rows(), _LOOKED_AT_ROWS))
    rows = [(_moment(cells, 0), _moment(cells, 6)) for cells in begin]
    lengths = [close + 1 - opened for opened, close in rows if opened and close]
    own = file.interval.seconds * 1000
    # a venue's outage makes a close odd: only the length of another interval tells something
    others = {Interval.parse(name).seconds * 1000 for name in Interval.names()} - {own}
    told = [length for length in lengths[:2] if length in others]
    opens = sorted({opened for opened, _ in rows if opened})
    steps = [later - earlier for earlier, later in pairwise(opens)]
    # a longer step may be a gap: it tells something if there is no shorter one, and no close that says otherwise
    if steps and (min(steps) < own or (len(steps) > 1 and min(steps) > own and own not in lengths)):
        told.append(min(steps))
    if told:
        raise FixSettings(f"{file.path} holds candles of {told[0] / 1000:g} s, not of {file.interval}; none was stored")


def _moment(cells: list[str], column: int) -> int:
    """In milliseconds; 0 if there is none, which is told when the row is read."""
    try:
        return epoch_ms(cells[column])
    except (ValueError, IndexError):
        return 0


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: candles form no cycles, and to look at each again and again takes a fifth of all."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _chunks(archive: ArchiveReader, file: ArchiveFile, now: datetime, done: ImportedFile) -> Iterator[_Chunk]:
    rows = archive.rows()
    for cells in islice(rows, done.resumed_after):
        done.first = done.first or _open_time(cells, file.interval)
    closed_by = now - file.interval.length
    while True:
        candles: list[Candle] = []
        taken = 0
        for cells in islice(rows, CHUNK_ROWS):
            taken += 1
            try:
                candle = parse_candle(cells, file.interval)
            except ValueError as error:
                done.bad_rows.append(BadRow(file.path, archive.line, str(error)))
                continue
            if candle.open_time > closed_by:
                why = f"opens at {candle.open_time:%Y-%m-%d %H:%M} UTC and hasn't closed by the venue's clock"
                done.bad_rows.append(BadRow(file.path, archive.line, why))
                continue
            candles.append(candle)
        if not taken:
            return
        done.rows += taken
        if candles:
            times = [candle.open_time for candle in candles]
            done.first = min(times if done.first is None else [done.first, *times])
            done.last = max(times if done.last is None else [done.last, *times])
        yield _Chunk(taken, candles)


def _open_time(cells: list[str], interval: Interval) -> datetime | None:
    try:
        return parse_candle(cells, interval).open_time
    except ValueError:  # told when the row was first seen
        return None


def _write(store: SeriesStore, clock: Clock, file: ArchiveFile, candles: list[Candle]) -> CandleWrite:
    return store.write_candles(file.symbol, file.interval, candles, source="archive", received_at=clock.wall())
