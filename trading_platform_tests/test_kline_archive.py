"""Archives as the exchange publishes them, in all their forms, and what is told of broken ones."""

from __future__ import annotations

import gzip
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings
from trading_platform.kline_archive import ArchiveName, ArchiveReader, archive_row, is_archive, parse_candle
from trading_platform_tests.support.examples import MINUTE, START, minutes

HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_buy_base,taker_buy_quote,ignore\n"
ROW = "1740787200000,84373.01,84428.28,84373.00,84428.27,11.33967000,1740787259999,957000.1,1502,6.1,514000.2,0\n"
MICROSECONDS = ROW.replace("1740787200000", "1740787200000000").replace("1740787259999", "1740787259999999")
CANDLE = Candle(START, *map(Decimal, ("84373.01", "84428.28", "84373.00", "84428.27", "11.33967000")))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem + ".csv", text)
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["BTCUSDT-1m.csv", "BTCUSDT-1m.csv.gz", "BTCUSDT-1m-2025-03.zip"])
@pytest.mark.parametrize("text", [HEADER + ROW, ROW, MICROSECONDS, ROW + "\n\n", ROW.replace("\n", "\r\n")])
def test_every_form_gives_the_same_candle(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path, name, text)
    assert is_archive(path)
    assert ArchiveName.of(path) == ArchiveName("BTCUSDT", "1m")
    with ArchiveReader(path) as archive:
        [candle] = [parse_candle(cells, MINUTE) for cells in archive.rows()]
        assert 0 < archive.bytes_read <= path.stat().st_size
    assert candle == CANDLE
    assert str(candle.volume) == "11.33967000"


def test_a_row_that_is_written_is_read_back() -> None:
    row = archive_row(CANDLE, MINUTE)
    assert row == ROW.split(",")[:7]
    assert parse_candle(row, MINUTE) == CANDLE
    tiny = Candle(minutes(5), *[Decimal("0.00000001")] * 4, Decimal("0E-8"))
    assert parse_candle(archive_row(tiny, MINUTE), MINUTE) == tiny
    assert "E" not in "".join(archive_row(tiny, MINUTE))


@pytest.mark.parametrize(
    ("row", "interval", "wrong"),
    [
        ("1740787200000,1,2,0.5,1.5", "1m", "5 columns instead of at least 6"),
        ("1740787200000,1,2,0.5,abc,3", "1m", "no time or number: 1740787200000, 1, 2, 0.5, abc, 3"),
        ("yesterday,1,2,0.5,1.5,3", "1m", "no time or number"),
        ("1740787200,1,2,0.5,1.5,3", "1m", "that is neither in milliseconds nor in microseconds"),
        ("1740787200001,1,2,0.5,1.5,3", "1m", "where no 1m candle does"),
        ("1740787260000,1,2,0.5,1.5,3", "5m", "opens at 2025-03-01 00:01:00 UTC, where no 5m candle does"),
        ("1740787200000,1,0.9,0.5,1.5,3", "1m", "impossible prices or volume: 1, 0.9, 0.5, 1.5, 3"),
        ("1740787200000,1,2,-1,1.5,3", "1m", "impossible"),
        ("1740787200000,1,2,0.5,1.5,-3", "1m", "impossible"),
        ("1740787200000,1,2,0.5,1.5,NaN", "1m", "no time or number"),
        ("1740787200000,1,Infinity,0.5,1.5,3", "1m", "impossible"),
        ("1740787200000,1,2,0.5,1.5,1e400", "1m", "impossible"),
        ("1740787200000,1,2,0.5,1.5,3,1740787499999", "1m", "is a 5m candle by its close time, not one of 1m"),
        ("1740787200000000,1,2,0.5,1.5,3,1740787259999999", "5m", "is a 1m candle by its close time"),
        ("1740787200000.0,1,2,0.5,1.5,3", "1m", "no time or number"),
    ],
)
def test_a_row_that_is_no_candle_says_why(row: str, interval: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        parse_candle(row.split(","), Interval.parse(interval))


@pytest.mark.parametrize("first", ["\ufeff" + HEADER, "\ufeff", "", HEADER.upper()])
def test_the_first_row_is_never_taken_for_a_header(tmp_path: Path, first: str) -> None:
    path = tmp_path / "BTCUSDT-1m.csv"
    path.write_text(first + ROW, encoding="utf-8")
    with ArchiveReader(path) as archive:
        assert [parse_candle(cells, MINUTE) for cells in archive.rows()] == [CANDLE]

    path.write_text(ROW.replace("1740787200000", "1740787200000.0", 1))
    with ArchiveReader(path) as archive:
        assert len(list(archive.rows())) == 1, "a bad row, not a header"


def test_the_line_of_a_row_is_known(tmp_path: Path) -> None:
    path = written(tmp_path, "BTCUSDT-1m.csv", HEADER + ROW + "\n" + ROW)
    with ArchiveReader(path) as archive:
        assert [archive.line for _ in archive.rows()] == [2, 4]


def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    cut = written(tmp_path, "BTCUSDT-1m.csv.gz", ROW * 5000)
    cut.write_bytes(cut.read_bytes()[:-20])
    no_zip = tmp_path / "BTCUSDT-1m.zip"
    no_zip.write_bytes(b"not a zip")
    two = tmp_path / "ETHUSDT-1m.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", ROW)
        archive.writestr("b.csv", ROW)
    binary = tmp_path / "SOLUSDT-1m.csv"
    binary.write_bytes(b"\xff\xfe\x00" * 99)
    locked = tmp_path / "BNBUSDT-1m.zip"
    with zipfile.ZipFile(locked, "w") as archive:
        archive.writestr("a.csv", ROW)
    locked.write_bytes(
        locked.read_bytes()
        .replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01")
        .replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    )  # the bit that says: encrypted
    for path in (cut, no_zip, two, binary, locked, tmp_path / "gone.csv"):
        with pytest.raises(FixSettings, match=path.name), ArchiveReader(path) as archive:
            list(archive.rows())


@pytest.mark.parametrize("name", ["BTCUSDT.csv", "btcusdt-1m.csv", "BTCUSDT-1w.csv", "BTCUSDT-1m.parquet", "notes.txt"])
def test_other_names_tell_no_series(name: str) -> None:
    assert ArchiveName.of(Path(name)) is None
