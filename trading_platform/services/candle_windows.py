"""Windows of closed candles with their indicators: the one path of live, replay and backfill (I10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from trading_platform.domain.candle import Interval
from trading_platform.domain.indicators import IndicatorSpec, compute_indicators
from trading_platform.ports.series_store import SeriesStore

MAX_WINDOWS = 2000


class WindowMemory:
    """The newest window of each series with its indicators, so that the same numbers aren't computed twice.

    A frame is given again only for the same candles, value by value, and only if it holds what is asked for; it may
    hold more. Whoever is given a frame doesn't change it.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], tuple[frozenset[IndicatorSpec], pd.DataFrame]] = {}

    def indicators(
        self, symbol: str, interval: Interval, window: pd.DataFrame, specs: Sequence[IndicatorSpec]
    ) -> pd.DataFrame:
        """The window with its indicators."""
        known = self._newest.get((symbol, interval.name))
        if known and known[0].issuperset(specs) and _is_same(window, known[1]):
            return known[1]
        frame = compute_indicators(window, specs)
        self._newest[symbol, interval.name] = frozenset(specs), frame
        return frame


def _is_same(window: pd.DataFrame, frame: pd.DataFrame) -> bool:
    # as arrays: cutting a frame takes longer than comparing all its numbers
    prices = frame.to_numpy()[:, : window.shape[1]]
    return window.index.equals(frame.index) and np.array_equal(window.to_numpy(), prices)


def indicator_windows(
    store: SeriesStore,
    symbol: str,
    interval: Interval,
    since: datetime | None,
    specs: Sequence[IndicatorSpec],
    window_candles: int,
    memory: WindowMemory | None = None,
) -> Iterator[tuple[datetime, pd.DataFrame]]:
    """For each candle that opened after `since`: its open time, and the indicator frame of the window it ends.

    Every window holds exactly `window_candles` candles, so that its values don't depend on when they are computed; a
    candle with fewer before it has no window. Without `since` only the newest candle's window comes; after a long
    pause the newest `MAX_WINDOWS`.
    """
    newest = store.newest_open_time(symbol, interval)
    if newest is None or (since is not None and newest <= since):
        return
    new = 1 if since is None else min((newest - since) // interval.length, MAX_WINDOWS)
    candles = store.candle_frame(symbol, interval, newest=window_candles + new - 1)
    for end in range(window_candles, len(candles) + 1):
        open_time = candles.index[end - 1].to_pydatetime()
        if since is None or open_time > since:
            window = candles.iloc[end - window_candles : end]
            yield (
                open_time,
                memory.indicators(symbol, interval, window, specs) if memory else compute_indicators(window, specs),
            )
