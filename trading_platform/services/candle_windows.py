"""Windows of closed candles with their indicators: the one path of live, replay and backfill (I10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import pandas as pd

from trading_platform.domain.candle import Interval
from trading_platform.domain.indicators import IndicatorSpec, compute_indicators
from trading_platform.ports.series_store import SeriesStore

MAX_WINDOWS = 2000


def indicator_windows(
    store: SeriesStore,
    symbol: str,
    interval: Interval,
    since: datetime | None,
    specs: Sequence[IndicatorSpec],
    window_candles: int,
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
            yield open_time, compute_indicators(candles.iloc[end - window_candles : end], specs)
