"""Imports: exact, idempotent, resumable; and what is exported can be imported again."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pyarrow import parquet

from trading_platform.adapters.candle_files import CsvFormat, JsonImportProgress, ParquetFormat, format_of
from trading_platform.domain.candle import Candle
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.ports.candle_files import CandleFileFormat
from trading_platform.ports.series_store import CandleWrite
from trading_platform.services import export_candles as exporting
from trading_platform.services import import_candles as importing
from trading_platform.services.export_candles import Exported, export_candles
from trading_platform.services.import_candles import ArchiveFile, ImportedFile, import_archive
from trading_platform_tests.fakes import FakeClock, FakeSeriesStore
from trading_platform_tests.services.holed_market import walking
from trading_platform_tests.support.archives import archive_rows, recorded_or_synthetic
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, minutes

CHUNK = 100


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", CHUNK)
    monkeypatch.setattr(exporting, "CHUNK_CANDLES", 3000)


class Desk:
    """A store, and a file to import into it."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.store: FakeSeriesStore = FakeSeriesStore()
        self.clock = FakeClock(now or minutes(10_000))
        self.path = folder / "BTCUSDT-1m.csv"
        self.progress = JsonImportProgress(folder / "progress.json", "this database")
        self.bytes: list[int] = []

    def write(self, lines: Sequence[str]) -> None:
        self.path.write_text("\n".join(lines) + "\n")

    def run(self, path: Path | None = None) -> ImportedFile:
        file = ArchiveFile(path or self.path, SYMBOL, MINUTE)
        return import_archive(self.store, self.clock, file, self.progress, self.bytes.append)


def lines(numbers: Sequence[int]) -> list[str]:
    rows = []
    for number in numbers:
        c = walking(number)
        rows.append(f"{int(c.open_time.timestamp() * 1000)},{c.open},{c.high},{c.low},{c.close},{c.volume}")
    return rows


class Dying(FakeSeriesStore):
    """Goes away after some writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes
        self.rows_written = 0

    def write_candles(self, symbol, interval, candles, *, source, received_at):  # type: ignore[no-untyped-def]
        if self.left == 0:
            raise RetryLater("the store has gone away")
        self.left -= 1
        self.rows_written += len(candles)
        return super().write_candles(symbol, interval, candles, source=source, received_at=received_at)


def test_an_archive_is_stored_digit_for_digit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 20_000)
    folder = recorded_or_synthetic("2025-03", tmp_path, candles=600)
    path = folder / "BTCUSDT-1m.csv.gz"
    rows = archive_rows(path)
    desk = Desk(tmp_path, now=START + timedelta(days=40))

    done = desk.run(path)

    assert done.write == CandleWrite(inserted=len(rows))
    assert (done.rows, done.bad_rows, done.resumed_after) == (len(rows), [], 0)
    stored = desk.store.candles(SYMBOL, MINUTE)
    assert [str(candle.volume) for candle in stored] == [row["volume"] for row in rows]
    assert [str(candle.close) for candle in stored] == [row["close"] for row in rows]
    assert (done.first, done.last) == (stored[0].open_time, stored[-1].open_time)
    assert set(desk.store.sources(SYMBOL, MINUTE, start=START, end=START + timedelta(days=40)).values()) == {"archive"}
    assert desk.bytes == sorted(desk.bytes)
    assert desk.bytes[-1] <= path.stat().st_size


@pytest.mark.parametrize(
    "rows",
    [
        ["1740830400000,1,1,1,1,1,1740830699999"],  # its own close says so
        [f"{1740830400000 + at},1,1,1,1,1" for at in (0, 10_000)],  # two within one
        [f"{1740830400000 + at * 3_600_000},1,1,1,1,1" for at in range(5)],  # hours, each on the grid of minutes
    ],
)
def test_candles_of_another_interval_are_refused_whole(tmp_path: Path, rows: list[str]) -> None:
    desk = Desk(tmp_path)
    desk.write(rows)
    with pytest.raises(FixSettings, match=r"not of 1m; none was stored"):
        desk.run()
    assert desk.store.candles(SYMBOL, MINUTE) == []


@pytest.mark.parametrize("numbers", [(0, 60), (0, 60, 120, 121), (0,)])
def test_gaps_are_no_longer_interval(tmp_path: Path, numbers: Sequence[int]) -> None:
    desk = Desk(tmp_path)
    desk.write(lines(numbers))
    assert desk.run().write == CandleWrite(inserted=len(numbers))


def test_closes_that_tell_the_interval_outweigh_regular_gaps(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    opens = [1740830400000 + at * 3_600_000 for at in range(5)]
    desk.write([f"{opened},1,1,1,1,1,{opened + 59_999}" for opened in opens])
    assert desk.run().write == CandleWrite(inserted=5)


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(lines(range(250)))
    desk.run()
    again = desk.run()
    assert again.write == CandleWrite(unchanged=250)
    assert again.resumed_after == 0


def test_rows_that_differ_from_live_ones_are_counted_as_corrections(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    live = replace(walking(7), volume=Decimal("9.9"))
    desk.store.write_candles(SYMBOL, MINUTE, [live], source="stream", received_at=START)
    desk.write(lines(range(10)))
    assert desk.run().write == CandleWrite(inserted=9, corrected=1)
    assert desk.store.candles(SYMBOL, MINUTE)[7] == walking(7)


@pytest.mark.parametrize("writes", [0, 1, 2, 5, 9])
def test_an_interrupted_import_carries_on(tmp_path: Path, writes: int) -> None:
    desk = Desk(tmp_path)
    desk.store = dying = Dying(writes)
    desk.write(lines(range(1000)))
    with pytest.raises(RetryLater):
        desk.run()
    before, dying.left, dying.rows_written = dying.rows_written, 99, 0

    done = desk.run()

    assert before == writes * CHUNK
    assert done.resumed_after == max(writes - 1, 0) * CHUNK  # one chunk is written once more: it may not be on disk
    assert dying.rows_written == 1000 - done.resumed_after
    assert desk.store.candles(SYMBOL, MINUTE) == [walking(number) for number in range(1000)]
    assert (done.first, done.last) == (minutes(0), minutes(999))
    assert desk.run().write == CandleWrite(unchanged=1000)


def test_a_file_that_has_changed_is_begun_anew_and_so_is_another_database(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.store = dying = Dying(3)
    desk.write(lines(range(1000)))
    with pytest.raises(RetryLater):
        desk.run()
    dying.left = 99
    assert desk.progress.rows_done(desk.path) == 200
    assert JsonImportProgress(tmp_path / "progress.json", "another database").rows_done(desk.path) == 0
    desk.write(lines(range(1001)))
    assert desk.run().resumed_after == 0


def test_bad_rows_are_told_by_file_and_line_and_the_others_are_stored(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    good = lines(range(4))
    desk.write(["open_time,open,high,low,close,volume", good[0], "1740787260000,1,x,1,1,1", *good[1:], "17,1"])
    done = desk.run()
    assert done.write.inserted == 4
    assert [str(bad) for bad in done.bad_rows] == [
        f"{desk.path}:3: has something that is no time or number: 1740787260000, 1, x, 1, 1, 1",
        f"{desk.path}:7: has 2 columns instead of at least 6",
    ]


def test_what_has_not_closed_by_the_venues_clock_stays_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path, now=minutes(5) + timedelta(seconds=30))
    desk.write(lines(range(8)))
    done = desk.run()
    assert [candle.open_time for candle in desk.store.candles(SYMBOL, MINUTE)] == [minutes(n) for n in range(5)]
    assert [bad.line for bad in done.bad_rows] == [6, 7, 8]
    assert "hasn't closed by the venue's clock" in str(done.bad_rows[0])


def stored() -> FakeSeriesStore:
    store = FakeSeriesStore()
    odd = Candle(minutes(4999), *[Decimal("0.00001234")] * 4, Decimal("0E-8"))
    series = [*(walking(number) for number in range(4000)), *(walking(number) for number in range(4200, 4999)), odd]
    store.write_candles(SYMBOL, MINUTE, series, source="rest", received_at=START)
    return store


def export(store: FakeSeriesStore, path: Path, start: int | None = None, end: int | None = None) -> Exported:
    seen: list[tuple[int, int]] = []
    done = export_candles(
        store,
        format_of(path),
        path,
        SYMBOL,
        MINUTE,
        None if start is None else minutes(start),
        None if end is None else minutes(end),
        lambda written, total: seen.append((written, total)),
    )
    assert seen[-1] == (done.candles, done.candles)
    return done


@pytest.mark.parametrize("name", ["BTCUSDT-1m.csv", "BTCUSDT-1m.csv.gz"])
def test_what_is_exported_is_imported_again_equal(tmp_path: Path, name: str) -> None:
    store = stored()
    assert export(store, tmp_path / name) == Exported(4800, minutes(0), minutes(4999))
    desk = Desk(tmp_path)
    assert desk.run(tmp_path / name).write == CandleWrite(inserted=4800)
    assert desk.store.candles(SYMBOL, MINUTE) == store.candles(SYMBOL, MINUTE)
    assert list(tmp_path.glob(".*")) == []


def test_parquet_holds_exact_decimals(tmp_path: Path) -> None:
    store = stored()
    export(store, tmp_path / "out.parquet")
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert {(row["symbol"], row["interval"]) for row in rows} == {(SYMBOL, "1m")}
    names = ("open_time", "open", "high", "low", "close", "volume")
    assert [Candle(*(row[name] for name in names)) for row in rows] == store.candles(SYMBOL, MINUTE)


def test_a_range_includes_its_start_and_not_its_end(tmp_path: Path) -> None:
    assert export(stored(), tmp_path / "a.csv", 1500, 4201) == Exported(2501, minutes(1500), minutes(4200))
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.reader(file))
    assert (len(rows), rows[0][0], rows[1][0]) == (2502, "open_time", str(int(minutes(1500).timestamp() * 1000)))


@pytest.mark.parametrize("made", [CsvFormat(), ParquetFormat()])
def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, made: CandleFileFormat) -> None:
    path = tmp_path / "out"
    path.write_text("the last export")
    gone = Dying(9)
    gone.is_down = True
    with pytest.raises(RetryLater), made.create(path, SYMBOL, MINUTE) as file:
        file.append(gone.candles(SYMBOL, MINUTE))
    assert path.read_text() == "the last export"
    assert list(tmp_path.iterdir()) == [path]


def test_two_exports_to_one_file_do_not_mix(tmp_path: Path) -> None:
    path, made = tmp_path / "out.csv", CsvFormat()
    with made.create(path, SYMBOL, MINUTE) as first:
        first.append([walking(1)])
        with made.create(path, SYMBOL, MINUTE) as second:
            second.append([walking(2), walking(3)])
        assert len(path.read_text().splitlines()) == 3
    assert len(path.read_text().splitlines()) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_value_that_does_not_fit_is_told(tmp_path: Path) -> None:
    long = replace(walking(1), volume=Decimal("0.1234567890123456789"))
    with pytest.raises(FixSettings, match="export to CSV"), ParquetFormat().create(tmp_path / "x", SYMBOL, MINUTE) as f:
        f.append([long])


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(FixSettings, match="can't be written"),
        CsvFormat().create(tmp_path / "file" / "x", SYMBOL, MINUTE),
    ):
        pass


@pytest.mark.parametrize("name", ["candles.xlsx", "candles", "candles.zip"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(FixSettings, match=r"ends in \.parquet, \.csv or \.csv\.gz"):
        format_of(Path(name))


def test_compressed_files_are_compressed(tmp_path: Path) -> None:
    export(stored(), tmp_path / "a.csv.gz")
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b"open_time,open,high,low,close,volume")
