"""Candle windows for tests: seeded random walks and their special cases."""

from __future__ import annotations

import numpy as np
import pandas as pd


def random_walk(rows: int, seed: int = 0, *, start: float = 100.0, volatility: float = 0.002) -> pd.DataFrame:
    """One-minute candles of a geometric random walk, sane in every row."""
    random = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(random.normal(0.0, volatility, rows)))
    open_ = np.concatenate(([start], close[:-1]))[:rows]
    high = np.maximum(open_, close) * (1.0 + np.abs(random.normal(0.0, volatility / 2, rows)))
    low = np.minimum(open_, close) * (1.0 - np.abs(random.normal(0.0, volatility / 2, rows)))
    return window(open_, high, low, close, random.lognormal(0.0, 1.0, rows))


def of_closes(closes: np.ndarray | list[float]) -> pd.DataFrame:
    """Candles without wicks that close at the given prices."""
    close = np.asarray(closes, dtype=np.float64)
    open_ = np.concatenate((close[:1], close[:-1]))
    return window(open_, np.maximum(open_, close), np.minimum(open_, close), close, np.ones(len(close)))


def window(open_: np.ndarray, high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray) -> pd.DataFrame:
    """Frame in the form of the series store."""
    times = pd.date_range("2025-03-01", periods=len(close), freq="min", tz="UTC", name="open_time")
    return pd.DataFrame(
        {"open": open_, "high": high, "low": low, "close": close, "volume": volume}, index=times, dtype=np.float64
    )
