"""Indicator frames made for the strategies' tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_platform.domain.indicators import compute_indicators
from trading_platform.domain.strategies.base import Direction, Strategy, Verdict

from ..windows import of_closes, random_walk

WINDOW_CANDLES = 500


def judged(strategy: Strategy, window: pd.DataFrame) -> Verdict:
    """The strategy's verdict on the window's last candle."""
    return strategy.evaluate(compute_indicators(window, strategy.indicators))


def verdicts(strategy: Strategy, candles: pd.DataFrame, window_candles: int = WINDOW_CANDLES) -> list[Verdict]:
    """Verdicts on each candle that has a whole window, as live trading would give them."""
    ends = range(window_candles, len(candles) + 1)
    return [judged(strategy, candles.iloc[end - window_candles : end]) for end in ends]


def swinging_market(rows: int, seed: int) -> pd.DataFrame:
    """A random walk on top of waves: it trends, turns and overshoots, so that strategies speak."""
    noise = random_walk(rows, seed, volatility=0.001)
    waves = 1.0 + 0.02 * np.sin(np.arange(rows) / 37.0) + 0.01 * np.sin(np.arange(rows) / 11.0 + seed)
    scaled = noise[["open", "high", "low", "close"]].mul(waves, axis=0)
    return scaled.assign(volume=noise["volume"])


def with_tail(frame: pd.DataFrame, **columns: tuple[float, float]) -> pd.DataFrame:
    """The frame with the last two values of columns replaced."""
    changed = frame.copy()
    for column, values in columns.items():
        changed.loc[changed.index[-2:], column] = values
    return changed


def flat_frame(strategy: Strategy, rows: int, **values: float) -> pd.DataFrame:
    """A frame of constant columns: those of the strategy's indicators, with the values given."""
    frame = compute_indicators(of_closes([100.0] * rows), strategy.indicators)
    return frame.assign(**values)


def directions(given: list[Verdict]) -> list[Direction]:
    """The directions of those that are signals."""
    return [verdict.direction for verdict in given if verdict.direction is not None]
