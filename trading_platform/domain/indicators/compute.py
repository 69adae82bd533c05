"""Computing indicators over a window of candles."""

from __future__ import annotations

from collections.abc import Iterable

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
    columns: dict[str, Array] = {name: getattr(prices, name).copy() for name in PRICE_COLUMNS}
    for spec in dict.fromkeys(specs):
        columns.update(zip(spec.columns, spec.compute(prices), strict=True))
    return pd.DataFrame(columns, index=window.index, copy=False)
