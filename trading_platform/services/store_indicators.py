"""Keep the indicator values of closed candles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan

import pandas as pd

from trading_platform.domain.candle import Interval
from trading_platform.domain.indicators import PRICE_COLUMNS, IndicatorSpec
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.candle_windows import WindowMemory, indicator_windows
from trading_platform.services.side_by_side import side_by_side


@dataclass(frozen=True)
class StoredIndicators:
    """How many candles of a series got their values, and the newest ones."""

    symbol: str
    interval: str
    candles: int
    newest_open_time: datetime | None
    newest_values: Mapping[str, float]


def store_indicators(
    store: SeriesStore,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    specs: Sequence[IndicatorSpec],
    window_candles: int,
    *,
    at_once: int = 1,
    memory: WindowMemory | None = None,
) -> list[StoredIndicators]:
    """Compute and keep the indicator values of every candle that has none yet, `at_once` series side by side.

    What is computed here is remembered in `memory` for whoever judges the same candles next.

    A first call keeps those of the newest candle only: older ones can be computed from the candles at any time.
    """

    def store_series(series: tuple[str, Interval]) -> StoredIndicators:
        return _store_series(store, *series, specs, window_candles, memory)

    # side by side: while one waits for the store, another computes
    return side_by_side(store_series, [(symbol, interval) for symbol in symbols for interval in intervals], at_once)


def _store_series(
    store: SeriesStore,
    symbol: str,
    interval: Interval,
    specs: Sequence[IndicatorSpec],
    window_candles: int,
    memory: WindowMemory | None,
) -> StoredIndicators:
    known = store.indicators(symbol, interval, newest=1)
    since = max(known, default=None)
    new = {
        open_time: _finite_values(frame)
        for open_time, frame in indicator_windows(store, symbol, interval, since, specs, window_candles, memory)
    }
    if new:
        store.write_indicators(symbol, interval, new)
    newest = max(new, default=since)
    values = {**known, **new}
    return StoredIndicators(symbol, interval.name, len(new), newest, values[newest] if newest else {})


def _finite_values(frame: pd.DataFrame) -> dict[str, float]:
    newest = zip(frame.columns, frame.iloc[-1].to_numpy(), strict=True)
    return {str(name): float(value) for name, value in newest if name not in PRICE_COLUMNS and not isnan(value)}
