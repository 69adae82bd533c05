"""Series for the rules of quality: recorded ones where they're at hand, seeded synthetic ones elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trading_platform.domain.candle import Candle
from trading_platform_tests.support.archives import archive_rows, recorded_candles, write_archive
from trading_platform_tests.support.examples import minutes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def priced(closes: Sequence[float], volume: str = "1") -> list[Candle]:
    """One-minute candles from the start on, each open at the close before it and without wicks."""
    prices = [Decimal(f"{close:.8f}") for close in closes]
    return [
        Candle(minutes(number), opened, max(opened, closed), min(opened, closed), closed, Decimal(volume))
        for number, (opened, closed) in enumerate(zip([prices[0], *prices[:-1]], prices, strict=True))
    ]


def without_volume(candles: Sequence[Candle]) -> list[Candle]:
    """The same candles, empty and standing still."""
    return [Candle(c.open_time, c.close, c.close, c.close, c.close, Decimal(0)) for c in candles]


def recorded(period: str, name: str) -> list[Candle]:
    """A recorded file's candles; the test is told of by its skip, and has a synthetic sibling that runs anywhere."""
    folder = recorded_candles(period)
    if folder is None:
        pytest.skip(f"no recorded candles of {period} here: the synthetic sibling of this test runs")
    return read_archive(folder / f"{name}.csv.gz")


def synthetic(folder: Path, candles: int = 3000) -> list[Candle]:
    """The simulated exchange's own market, as a file of candles."""
    return read_archive(write_archive(folder, candles, ["BTCUSDT"]) / "BTCUSDT-1m.csv.gz")


def read_archive(path: Path) -> list[Candle]:
    """Candles of an archive, ascending."""
    return [
        Candle(
            EPOCH + timedelta(milliseconds=int(row["open_time"])),
            *(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")),
        )
        for row in archive_rows(path)
    ]
