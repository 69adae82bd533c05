"""Candles of archives and of the generator, and how they're served."""

from __future__ import annotations

import csv
import gzip
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_platform.simulator.aggregation import INTERVALS_MS, klines
from trading_platform.simulator.archive_market import ArchiveCandles
from trading_platform.simulator.candles import Candle
from trading_platform.simulator.config import ArchiveMarketConfig, SyntheticMarketConfig
from trading_platform.simulator.errors import SimulatorSetupError
from trading_platform.simulator.model import Kline
from trading_platform.simulator.synthetic_market import SyntheticCandles
from trading_platform_tests.simulator.exchanges import BTC, MINUTE_MS
from trading_platform_tests.support.archives import (
    archive_rows,
    recorded_candles,
    recorded_or_synthetic,
    write_archive,
)

GENESIS_MS = 1_740_787_200_000
COLUMNS = ("open", "high", "low", "close", "volume")


def read(folder: Path, *symbols: str) -> ArchiveCandles:
    return ArchiveCandles(ArchiveMarketConfig(folder, symbols))


def test_served_candles_equal_the_archives_rows_to_the_digit(tmp_path: Path) -> None:
    folder = recorded_or_synthetic("2025-03", tmp_path)
    source = read(folder)
    for rules in source.symbols:
        rows = archive_rows(folder / f"{rules.symbol}-1m.csv.gz")[:3000]
        served: list[Kline] = []
        for first in range(0, len(rows), 1000):
            start_ms = int(rows[first]["open_time"])
            table = source.table(rules.symbol, source.ends_at_ms)
            served += klines(table, MINUTE_MS, source.ends_at_ms, start_ms, None, 1000)
        assert len(served) >= len(rows)
        for kline, row in zip(served, rows, strict=False):
            assert kline.open_time_ms == int(row["open_time"])
            assert [getattr(kline, c) for c in COLUMNS] == [Decimal(row[c]) for c in COLUMNS]


@pytest.mark.parametrize("period", ["2024-09-21", "2024-08"])
def test_archives_with_all_columns_keep_them(period: str) -> None:
    folder = recorded_candles(period)
    if folder is None:
        pytest.skip("needs recorded candles, which only a folder of market data holds")
    source = read(folder)
    [path] = folder.glob("*.csv.gz")
    rows = archive_rows(path)
    table = source.table(BTC, 0)
    served = klines(table, source.interval_ms, source.ends_at_ms, int(rows[0]["open_time"]), None, 1000)
    for kline, row in zip(served, rows, strict=False):
        assert kline.quote_volume == Decimal(row["quote_volume"])
        assert kline.trades == int(row["trades"])
        assert kline.taker_buy_base == Decimal(row["taker_buy_base"])
        assert kline.taker_buy_quote == Decimal(row["taker_buy_quote"])


def test_aggregates_equal_the_exchanges_own() -> None:
    folder = recorded_candles("2023-03")
    if folder is None:
        pytest.skip("needs recorded candles, which only a folder of market data holds")
    source = read(folder)
    assert source.interval_ms == MINUTE_MS
    for interval in ("5m", "15m", "1h"):
        for rules in source.symbols:
            rows = archive_rows(folder / f"{rules.symbol}-{interval}.csv.gz")[-700:]
            table = source.table(rules.symbol, 0)
            start_ms = int(rows[0]["open_time"])
            served = klines(table, INTERVALS_MS[interval], source.ends_at_ms, start_ms, None, len(rows))
            for kline, row in zip(served, rows, strict=True):
                assert kline.open_time_ms == int(row["open_time"])
                assert [getattr(kline, c) for c in COLUMNS[:4]] == [Decimal(row[c]) for c in COLUMNS[:4]]
                # Some recorded volumes carry the noise of a float in their tenth decimal.
                assert round(kline.volume - Decimal(row["volume"]), 8) == 0


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    source = read(write_archive(tmp_path, candles=300, without=range(100, 130)))
    table = source.table(BTC, 0)
    served = klines(table, MINUTE_MS, source.ends_at_ms, None, None, 1000)
    assert len(served) == 270
    steps = np.diff([kline.open_time_ms for kline in served])
    assert sorted(set(steps.tolist())) == [MINUTE_MS, 31 * MINUTE_MS]


def test_the_base_is_the_finest_interval_that_all_symbols_share(tmp_path: Path) -> None:
    write_archive(tmp_path, candles=120)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        (tmp_path / f"{symbol}-5m.csv").write_text(f"{GENESIS_MS},1,2,0.5,1.5,10\n{GENESIS_MS + 300_000},1,2,1,1,0\n")
    (tmp_path / "SOLUSDT-1m.csv.gz").unlink()
    assert read(tmp_path).interval_ms == MINUTE_MS
    (tmp_path / "ETHUSDT-1m.csv.gz").unlink()
    source = read(tmp_path)
    assert source.interval_ms == 300_000
    kline = klines(source.table("ETHUSDT", 0), 300_000, source.ends_at_ms, None, None, 2)[0]
    assert list(map(str, (kline.open, kline.high, kline.low, kline.close, kline.volume))) == [
        *("1.00", "2.00", "0.50", "1.50"),
        "10",
    ]


def test_zipped_archives_without_a_header_and_in_microseconds_are_read(tmp_path: Path) -> None:
    row = f"{GENESIS_MS * 1000},1.5,2,1,1.75,3,{GENESIS_MS * 1000 + 59_999_999},4.5,7,1,1.5,0\n"
    with zipfile.ZipFile(tmp_path / "BTCUSDT-1m-2025-03.zip", "w") as archive:
        archive.writestr("BTCUSDT-1m-2025-03.csv", row)
    source = read(tmp_path)
    [kline] = klines(source.table(BTC, 0), MINUTE_MS, source.ends_at_ms, None, None, 1)
    assert kline.open_time_ms == GENESIS_MS
    assert (kline.quote_volume, kline.trades) == (Decimal("4.5"), 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        (f"{GENESIS_MS},1,2,x,1,1\n", "no candle"),
        (f"{GENESIS_MS + 1},1,2,1,1,1\n", "grid"),
        (f"{GENESIS_MS},1,2,1,3,1\n", "enclose"),
        (f"{GENESIS_MS},1,2,1,1,1\n" * 2, "twice"),
    ],
)
def test_a_broken_archive_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "BTCUSDT-1m.csv").write_text(text)
    with pytest.raises(SimulatorSetupError, match=f"BTCUSDT-1m.csv.*{message}"):
        read(tmp_path)


def test_an_empty_or_missing_folder_says_what_to_put_there(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SimulatorSetupError, match=r"SYMBOL-INTERVAL\.csv\.gz"):
            read(folder)
    write_archive(tmp_path, candles=5, symbols=("BTCUSDT",))
    with pytest.raises(SimulatorSetupError, match="ETHUSDT"):
        read(tmp_path, "BTCUSDT", "ETHUSDT")


def test_a_written_archive_reads_back_as_the_market_it_came_from(tmp_path: Path) -> None:
    source = read(write_archive(tmp_path, candles=200))
    market = SyntheticCandles(SyntheticMarketConfig(7, history_candles=200), source.starts_at_ms)
    for rules in source.symbols:
        kept, made = source.table(rules.symbol, 0), market.table(rules.symbol, source.ends_at_ms)
        now_ms = source.ends_at_ms
        assert klines(kept, MINUTE_MS, now_ms, None, None, 200) == klines(
            made, MINUTE_MS, now_ms, None, now_ms - 1, 200
        )


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 6000), min_size=1, max_size=5))
def test_the_synthetic_market_does_not_depend_on_when_it_is_asked(seed: int, minutes: list[int]) -> None:
    config = SyntheticMarketConfig(seed, history_candles=10_000)
    asked, whole = SyntheticCandles(config, GENESIS_MS), SyntheticCandles(config, GENESIS_MS)
    for minute in sorted(minutes):
        asked.table(BTC, GENESIS_MS + minute * MINUTE_MS)
    last_ms = GENESIS_MS + max(minutes) * MINUTE_MS
    for rules in whole.symbols:
        a, b = asked.table(rules.symbol, last_ms), whole.table(rules.symbol, last_ms)
        assert all((getattr(a, name) == getattr(b, name)).all() for name in Candle._fields)


def test_the_synthetic_market_is_the_same_at_any_time_of_start() -> None:
    config = SyntheticMarketConfig(5)
    late_ms = GENESIS_MS + 987_654 * MINUTE_MS
    early, late = SyntheticCandles(config, GENESIS_MS), SyntheticCandles(config, late_ms)
    a, b = early.table(BTC, GENESIS_MS + 10**8), late.table(BTC, late_ms + 10**8)
    assert (a.close == b.close).all()
    assert (b.number - a.number == 987_654).all()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31))
def test_synthetic_candles_are_sane_and_correlated(seed: int) -> None:
    source = SyntheticCandles(SyntheticMarketConfig(seed, history_candles=20_000), GENESIS_MS)
    returns = []
    for rules in source.symbols:
        table = source.table(rules.symbol, GENESIS_MS + 20_000 * MINUTE_MS)
        assert (table.low <= np.minimum(table.open, table.close)).all()
        assert (table.high >= np.maximum(table.open, table.close)).all()
        assert (table.low > 0).all()
        assert (table.volume > 0).all()
        assert (table.taker_base <= table.volume).all()
        assert (np.diff(table.number) == 1).all()
        assert (table.open[1:] == table.close[:-1]).all()
        returns.append(np.diff(np.log(table.close)))
    correlations = np.corrcoef(returns)
    assert correlations.min() > 0.3
    assert (correlations[np.triu_indices(3, 1)] < 0.99).all()


def test_old_history_is_dropped_as_the_market_grows() -> None:
    source = SyntheticCandles(SyntheticMarketConfig(1, history_candles=3000), GENESIS_MS)
    for day in range(1, 30):
        table = source.table(BTC, GENESIS_MS + day * 1440 * MINUTE_MS)
        assert len(table) <= 3000 + 3 * 1440
    assert table.number[-1] - table.number[0] + 1 == len(table) >= 3000


def test_the_archive_writer_writes_what_the_public_archive_looks_like(tmp_path: Path) -> None:
    write_archive(tmp_path, candles=3, symbols=("SOLUSDT",))
    with gzip.open(tmp_path / "SOLUSDT-1m.csv.gz", "rt") as file:
        rows = list(csv.reader(file))
    assert rows[0][:6] == ["open_time", "open", "high", "low", "close", "volume"]
    assert len(rows) == 4
    assert int(rows[1][6]) - int(rows[1][0]) == MINUTE_MS - 1
