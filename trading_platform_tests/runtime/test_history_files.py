"""`import` and `export`: which series a file holds, and one clear line for everything that is wrong."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from trading_platform import cli
from trading_platform.cli import app
from trading_platform.domain.errors import FixSettings, PlatformError
from trading_platform.ports.series_store import CandleWrite
from trading_platform.runtime import history_files
from trading_platform.runtime.history_files import export_file, import_files
from trading_platform.services.import_candles import ArchiveFile, ImportedFile
from trading_platform_tests.support.examples import MINUTE, START
from trading_platform_tests.support.plain_settings import plain_settings


@pytest.mark.parametrize(
    ("name", "symbol", "interval", "expected"),
    [
        ("BTCUSDT-1m.csv.gz", None, None, ("BTC/USDT", "1m")),
        ("DOGEUSDT-5m-2025-03.zip", None, None, ("DOGE/USDT", "5m")),
        ("ETHBTC-1h.csv", "eth/btc", None, ("ETH/BTC", "1h")),
        ("mine.csv", "BTC/USDT", "15m", ("BTC/USDT", "15m")),
        ("BTCUSDT-1m.csv", None, "5m", ("BTC/USDT", "5m")),
    ],
)
def test_a_files_name_tells_its_series(
    name: str, symbol: str | None, interval: str | None, expected: tuple[str, str]
) -> None:
    file = history_files._series_of(Path(name), plain_settings(), symbol, interval)
    assert isinstance(file, ArchiveFile)
    assert (file.symbol, file.interval.name) == expected


@pytest.mark.parametrize(
    ("name", "symbol", "interval", "told"),
    [
        ("mine.csv", None, "1m", "doesn't tell its symbol"),
        ("ETHBTC-1h.csv", None, None, "doesn't tell its symbol"),
        ("mine.csv", "BTC/USDT", None, "doesn't tell its interval"),
        ("mine.csv", "BTC/USDT", "7m", "'7m' is not an interval"),
        ("BTCUSDT-1m.csv", "BTCUSDT", None, "--symbol BTCUSDT: write it as BASE/QUOTE"),
        ("BTCUSDT-1m.csv", "ETH/USDT", None, "holds BTCUSDT by its name, not ETH/USDT"),
    ],
)
def test_a_name_that_does_not_tell_is_asked_about(
    tmp_path: Path, name: str, symbol: str | None, interval: str | None, told: str
) -> None:
    (tmp_path / name).touch()
    with pytest.raises(FixSettings, match=told):
        import_files(plain_settings(state_dir=tmp_path), [tmp_path / name], symbol, interval)


def test_what_else_lies_in_a_folder_keeps_nothing_from_being_imported(tmp_path: Path) -> None:
    for name in ("BTCUSDT-1m.csv", "notes.csv"):
        (tmp_path / name).touch()
    files, left_out = history_files._series([tmp_path], plain_settings(), None, None)
    assert [file.path.name for file in files] == ["BTCUSDT-1m.csv"]
    assert len(left_out) == 1
    assert "notes.csv doesn't tell its symbol" in left_out[0]
    with pytest.raises(FixSettings, match=r"notes\.csv"):  # it was named itself
        history_files._series([tmp_path, tmp_path / "notes.csv"], plain_settings(), None, None)
    (tmp_path / "BTCUSDT-1m.csv").unlink()
    with pytest.raises(FixSettings, match=r"notes\.csv"):  # nothing else is there
        history_files._series([tmp_path], plain_settings(), None, None)


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    settings = plain_settings(state_dir=tmp_path)
    wrong = {tmp_path: "holds no", tmp_path / "gone.csv": "is not a file", tmp_path / "notes.txt": "no kline archive"}
    for path, told in wrong.items():
        with pytest.raises(FixSettings, match=told):
            import_files(settings, [path], None, None)


def test_without_a_running_platform_one_line_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m.csv").touch()
    settings = plain_settings(state_dir=tmp_path)
    with pytest.raises(FixSettings, match=r"doesn't run on .*; start it with: trading-platform up"):
        import_files(settings, [tmp_path], None, None)
    with pytest.raises(FixSettings, match="start it with: trading-platform up"):
        export_file(settings, tmp_path / "out.csv", "BTC/USDT", "1m", None, None)
    with pytest.raises(FixSettings, match="write it as BASE/QUOTE"):
        export_file(settings, tmp_path / "out.csv", "BTCUSDT", "1m", None, None)
    with pytest.raises(FixSettings, match="name a file that ends in"):
        export_file(settings, tmp_path / "out.xlsx", "BTC/USDT", "1m", None, None)


def test_a_time_that_ends_before_it_begins_is_told(tmp_path: Path) -> None:
    with pytest.raises(FixSettings, match="--from 2025-03-01 00:00 must be before --to 2025-03-01 00:00"):
        export_file(plain_settings(state_dir=tmp_path), tmp_path / "out.csv", "BTC/USDT", "1m", START, START)


def test_a_date_that_is_none_is_told_in_plain_words(tmp_path: Path) -> None:
    asked = ["export", "--symbol", "BTC/USDT", "--from", "2025-13-01", str(tmp_path / "a.csv")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 2
    assert "is no date" in result.output
    assert "%Y" not in result.output


@pytest.mark.parametrize("text", ["2025-03-01T14:30", "2025-03-01 14:30", "2025-03-01T16:30+02:00"])
def test_times_are_utc_unless_they_say_otherwise(text: str) -> None:
    assert cli._moment(text) == datetime(2025, 3, 1, 14, 30, tzinfo=UTC)


def test_ctrl_c_says_that_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(history_files, "import_files", interrupted)
    monkeypatch.setenv("TRADING_PLATFORM_STATE_DIR", str(tmp_path))
    result = CliRunner().invoke(app, ["import", str(tmp_path)])
    assert result.exit_code == 130
    assert "the same command carries on" in result.output


def test_what_waits_for_a_silent_store_is_not_called_unchanged(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    file = ArchiveFile(tmp_path / "BTCUSDT-1m.csv", "BTC/USDT", MINUTE)
    history_files._tell(console, ImportedFile(file, 0, rows=9, write=CandleWrite(spooled=9)))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "9 wait for InfluxDB" in told
    assert "nothing has changed" not in told


def test_the_command_line_knows_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADING_PLATFORM_STATE_DIR", str(tmp_path))
    file = tmp_path / "BTCUSDT-1m.csv"
    file.touch()
    for arguments in (["import", str(file)], ["export", "--symbol", "BTC/USDT", "--from", "2025-03-01", "a.csv"]):
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, PlatformError)
        assert "trading-platform up" in str(result.exception)
