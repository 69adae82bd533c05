"""Candle archives for tests: recorded ones where they're at hand, seeded synthetic ones elsewhere."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Sequence
from pathlib import Path

from trading_platform.simulator.aggregation import klines
from trading_platform.simulator.config import DEFAULT_SYMBOLS, SyntheticMarketConfig
from trading_platform.simulator.synthetic_market import INTERVAL_MS, SyntheticCandles

MARKET_DATA_VARIABLE = "TRADING_PLATFORM_MARKET_DATA"
HEADER = [
    "open_time",
    *("open", "high", "low", "close", "volume"),
    "close_time",
    *("quote_volume", "trades", "taker_buy_base", "taker_buy_quote", "ignore"),
]
_CHECKOUT = Path(__file__).parents[2]
_FIRST_OPEN_MS = 1_740_787_200_000  # 2025-03-01 00:00 UTC
_CHUNK = 1000


def recorded_candles(period: str) -> Path | None:
    """Folder with the recorded candles of a period such as ``2025-03``; ``None`` where it's absent."""
    root = os.environ.get(MARKET_DATA_VARIABLE)
    folder = Path(root) if root else _CHECKOUT.parent / "shared" / "market-data"
    candles = folder / "candles" / period
    return candles if candles.is_dir() else None


def recorded_or_synthetic(
    period: str, folder: Path, candles: int = 2000, symbols: Sequence[str] = DEFAULT_SYMBOLS
) -> Path:
    """The recorded candles of a period, or else synthetic ones written to ``folder``."""
    return recorded_candles(period) or write_archive(folder, candles, symbols)


def write_archive(
    folder: Path,
    candles: int = 2000,
    symbols: Sequence[str] = DEFAULT_SYMBOLS,
    seed: int = 7,
    first_open_ms: int = _FIRST_OPEN_MS,
    without: range = range(0),
) -> Path:
    """Write ``SYMBOL-1m.csv.gz`` of the seeded synthetic market and return the folder.

    Parameters
    ----------
    without
        Indices of candles left out: a gap.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = SyntheticCandles(SyntheticMarketConfig(seed, tuple(symbols), candles), first_open_ms)
    for symbol in symbols:
        rows = [row for i, row in enumerate(_rows(source, symbol, candles)) if i not in without]
        with gzip.open(folder / f"{symbol}-1m.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(rows)
    return folder


def archive_rows(path: Path) -> list[dict[str, str]]:
    """Rows of an archive as text, by column."""
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def _rows(source: SyntheticCandles, symbol: str, candles: int) -> list[list[object]]:
    start_ms = source.starts_at_ms
    end_ms = start_ms + candles * INTERVAL_MS
    table = source.table(symbol, end_ms)
    rows: list[list[object]] = []
    for first_ms in range(start_ms, end_ms, _CHUNK * INTERVAL_MS):
        found = klines(table, INTERVAL_MS, end_ms, first_ms, end_ms - 1, _CHUNK)
        rows += [[*map(_plain, kline[:11]), "0"] for kline in found]
    return rows


def _plain(value: object) -> str:
    return format(value, "f") if not isinstance(value, int) else str(value)
