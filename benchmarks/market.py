"""The market that benchmarks run on: recorded candles where they are, the seeded synthetic ones otherwise."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_platform_tests.support.archives import write_archives


@contextmanager
def replay_folder() -> Iterator[Path]:
    """A folder of one-minute candles of BTC, ETH and SOL against USDT, some days long."""
    recorded = recorded_folder("2025-03")
    if recorded is not None:
        yield recorded
        return
    with tempfile.TemporaryDirectory(prefix="bench-candles-") as folder:
        write_archives(Path(folder))
        yield Path(folder)


def recorded_folder(period: str) -> Path | None:
    """Folder of a period of the recorded market data, None where it is absent."""
    root = os.environ.get("TRADING_PLATFORM_MARKET_DATA")
    data = Path(root) if root else Path(__file__).parents[2] / "shared" / "market-data"
    folder = data / "candles" / period
    return folder if folder.is_dir() else None
