"""Any indicator of pandas-ta-classic, named in the settings as ``ta.NAME(...)``.

The library replaces what it doesn't understand by its defaults and doesn't say so, and some of its
functions read later candles. So each entry is tried once on a fixed market before it is accepted,
which also tells its column names and its warm-up.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from trading_platform.domain.indicators.values import (
    PRICE_COLUMNS,
    Argument,
    Arrays,
    InvalidIndicatorError,
    Prices,
    match_arguments,
)

Arguments = tuple[tuple[str, Argument], ...]

_PROBE_ROWS = 600
_PROBE_ROWS_EARLIER = 450
_PRICE_PARAMETERS = {"open_": "open"} | {column: column for column in PRICE_COLUMNS}


@dataclass(frozen=True)
class Probe:
    """What trying an indicator on the fixed market has shown."""

    columns: tuple[str, ...]
    rows_needed: int


def bind(entry: str, function: str, positional: Sequence[Argument], named: Mapping[str, Argument]) -> Arguments:
    """Match arguments with the function's parameters, then try it out.

    Raises
    ------
    InvalidIndicatorError
        If the function or a parameter is unknown, or the outcome can't be used.
    """
    names = [name for name in _parameters(entry, function) if name not in _PRICE_PARAMETERS]
    given = match_arguments(entry, names, positional, named)
    for name, value in given.items():
        if not isinstance(value, bool | str) and value <= 0:
            raise InvalidIndicatorError(entry, f"{name} must be greater than 0, not {value!r}")
    arguments = tuple(given.items())
    probe(entry, function, arguments)
    return arguments


def compute(entry: str, function: str, arguments: Arguments, prices: Prices, columns: tuple[str, ...]) -> Arrays:
    """Columns of the indicator; all NaN where the library finds the window too short.

    Raises
    ------
    InvalidIndicatorError
        If the library fails on this window although it passed the trial.
    """
    try:
        outcome = _call(function, arguments, _frame_of(prices))
    except Exception as error:  # whatever the library throws, the owner must learn which entry to take out
        raise InvalidIndicatorError(entry, f"pandas-ta-classic failed on a window: {error}") from error
    if outcome is None:
        return tuple(np.full(len(prices.close), np.nan) for _ in columns)
    by_name = {_column_name(name): outcome[name].to_numpy() for name in outcome}
    return tuple(by_name[column] for column in columns)


@lru_cache(maxsize=256)
def probe(entry: str, function: str, arguments: Arguments) -> Probe:
    """Try the indicator on the fixed market, whole and with the last quarter cut off."""
    market = _probe_market()
    try:
        whole = _call(function, arguments, market)
        earlier = _call(function, arguments, market.iloc[:_PROBE_ROWS_EARLIER])
    except Exception as error:  # whatever the library throws, the entry is what must change
        raise InvalidIndicatorError(entry, f"pandas-ta-classic refused it: {error}") from error
    if whole is None or earlier is None or not whole.notna().any(axis=None):
        raise InvalidIndicatorError(entry, f"has no value within {_PROBE_ROWS} candles; use shorter lengths")
    same_columns = list(whole.columns) == list(earlier.columns)
    if not same_columns or not np.allclose(
        whole.iloc[:_PROBE_ROWS_EARLIER], earlier, rtol=1e-9, atol=1e-9, equal_nan=True
    ):
        raise InvalidIndicatorError(
            entry, "changes past values when later candles arrive (looks ahead), so no signal may rest on it"
        )
    first_rows = whole.notna().to_numpy().argmax(axis=0)
    return Probe(tuple(_column_name(name) for name in whole), int(first_rows.max()) + 1)


def _parameters(entry: str, function: str) -> list[str]:
    found = _functions().get(function)
    if found is None:
        raise InvalidIndicatorError(entry, f"pandas-ta-classic has no indicator {function}")
    named = [
        parameter
        for parameter in inspect.signature(found).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    for parameter in named:
        if parameter.default is inspect.Parameter.empty and parameter.name not in _PRICE_PARAMETERS:
            raise InvalidIndicatorError(entry, f"needs {parameter.name}, which isn't among a candle's prices")
    return [parameter.name for parameter in named]


def _call(function: str, arguments: Arguments, market: pd.DataFrame) -> pd.DataFrame | None:
    """Outcome as a float frame on the market's index, or None where the library gives none."""
    found = _functions()[function]
    prices = {
        name: market[_PRICE_PARAMETERS[name]]
        for name, parameter in inspect.signature(found).parameters.items()
        if name in _PRICE_PARAMETERS and parameter.default is inspect.Parameter.empty
    }
    options: dict[str, Argument] = dict(arguments)
    if "as_dataframe" in inspect.signature(found).parameters:
        options["as_dataframe"] = True  # ichimoku: without its projection beyond the window
    outcome = found(**prices, **options)
    if outcome is None:
        return None
    if isinstance(outcome, pd.Series):
        outcome = outcome.to_frame(outcome.name or function)
    if not isinstance(outcome, pd.DataFrame) or len(outcome) != len(market):
        raise TypeError("it doesn't give one value per candle")
    return outcome.astype(np.float64)


def _column_name(library_name: object) -> str:
    return f"ta_{str(library_name).lower()}"


def _frame_of(prices: Prices) -> pd.DataFrame:
    # Times are UTC without saying so: the library's grouping by day warns about every time zone.
    index = prices.open_time.tz_localize(None)
    return pd.DataFrame({name: getattr(prices, name) for name in PRICE_COLUMNS}, index=index)


@lru_cache(maxsize=1)
def _functions() -> dict[str, Callable[..., Any]]:
    import pandas_ta_classic  # costs most of a second, which platforms without extensions save

    names = (name for group in pandas_ta_classic.Category.values() for name in group)
    return {name: getattr(pandas_ta_classic, name) for name in names}


@lru_cache(maxsize=1)
def _probe_market() -> pd.DataFrame:
    random = np.random.default_rng(seed=1978)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.002, _PROBE_ROWS)))
    open_ = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(open_, close) * (1.0 + np.abs(random.normal(0.0, 0.001, _PROBE_ROWS)))
    low = np.minimum(open_, close) * (1.0 - np.abs(random.normal(0.0, 0.001, _PROBE_ROWS)))
    times = pd.date_range("2024-01-01", periods=_PROBE_ROWS, freq="min")
    volume = random.lognormal(0.0, 1.0, _PROBE_ROWS)
    return pd.DataFrame({"open": open_, "high": high, "low": low, "close": close, "volume": volume}, index=times)
