"""A seeded random walk as stored candles, lively enough for signals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import numpy as np

from trading_platform.domain.candle import Candle
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, SYMBOL, minutes


@cache
def walk(candles: int = 260, seed: int = 5) -> tuple[Candle, ...]:
    """One-minute candles from the start on."""
    steps = np.random.default_rng(seed).normal(0, 40, candles)
    closes = [Decimal(f"{50_000 + step:.2f}") for step in np.cumsum(steps)]
    opens = [closes[0], *closes[:-1]]
    rows = zip(opens, closes, strict=True)
    return tuple(
        Candle(minutes(number), opened, max(opened, closed) + 5, min(opened, closed) - 5, closed, Decimal(1))
        for number, (opened, closed) in enumerate(rows)
    )


def store_of(candles: Sequence[Candle], symbol: str = SYMBOL) -> FakeSeriesStore:
    """A store that holds them."""
    store = FakeSeriesStore()
    add(store, candles, symbol)
    return store


def add(store: FakeSeriesStore, candles: Sequence[Candle], symbol: str = SYMBOL) -> None:
    """Let candles arrive."""
    store.write_candles(symbol, MINUTE, candles, source="rest", received_at=candles[-1].open_time)
