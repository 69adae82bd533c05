"""Computing indicators over a window of candles."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pandas as pd

from trading_platform.domain.indicators.spec import IndicatorSpec
from trading_platform.domain.indicators.values import PRICE_COLUMNS, Array, Prices


def compute_indicators(window: pd.DataFrame, specs: Iterable[IndicatorSpec]) -> pd.DataFrame:
    """Candles with their indicators.

    Parameters
    ----------
    window : DataFrame, shape (candles, >= 5)
        Closed candles only, indexed by open time (ascending); float columns open, high, low, close,
        volume. Missing candles are skipped over, not filled: a check reports gaps, indicators don't.
    specs : iterable of IndicatorSpec
        What to compute; repetitions are computed once.

    Returns
    -------
    DataFrame, shape (candles, 5 + columns of the specs)
        On the window's index, NaN where an indicator is still warming up. No value depends on a later row.

    Raises
    ------
    ValueError
        If the window lacks a price column or isn't in the order of time.
    """
    prices = Prices.of(window)
    columns: dict[str, Array] = {name: getattr(prices, name) for name in PRICE_COLUMNS}
    for spec in dict.fromkeys(specs):
        columns.update(zip(spec.columns, spec.compute(prices), strict=True))
    # one block of numbers, not a block per column: half the time of the whole
    return pd.DataFrame(np.column_stack(list(columns.values())), index=window.index, columns=_names(tuple(columns)))


@lru_cache(maxsize=64)
def _names(columns: tuple[str, ...]) -> pd.Index:
    return pd.Index(columns)
