"""The built-in indicators, computed by TA-Lib.

Every function takes the prices and the indicator's arguments and returns one array per column.
A recursive average (EMA, Wilder) starts from the first candle of the window it is given, so its
value belongs to that window: the platform always judges the same number of candles (I10).

References
----------
.. [1] J. W. Wilder, "New Concepts in Technical Trading Systems", 1978: RSI, ATR, ADX and DI.
.. [2] G. Appel, "The Moving Average Convergence-Divergence Trading Method", 1979: MACD.
.. [3] J. Bollinger, "Bollinger on Bollinger Bands", 2001: population standard deviation.
.. [4] G. Lane, "Lane's Stochastics", 1984.  [5] D. Lambert, "Commodity Channel Index", 1980.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import talib

from trading_platform.domain.indicators.values import (
    Argument,
    Array,
    Arrays,
    InvalidIndicatorError,
    Prices,
    format_argument,
    match_arguments,
)

_LONGEST = 5000
"""Largest length accepted, in candles; catches a slip of the finger in the settings."""


@dataclass(frozen=True)
class Parameter:
    """A number that a built-in takes; it must be given where it has no default."""

    name: str
    default: int | float | None
    minimum: float = 2
    maximum: float = _LONGEST
    whole: bool = True

    def check(self, entry: str, value: Argument) -> int | float:
        """Return the value in its canonical type, or say what is wrong with it."""
        wanted = "a whole number" if self.whole else "a number"
        is_number = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        if not is_number or not self.minimum <= float(value) <= self.maximum:
            raise InvalidIndicatorError(
                entry,
                f"{self.name} must be {wanted} from {self.minimum:g} to {self.maximum:g}, not {value!r}",
            )
        return int(value) if self.whole else float(value)


@dataclass(frozen=True)
class BuiltIn:
    """An indicator of the house.

    Attributes
    ----------
    stems : tuple of str
        Beginnings of the column names, in the order in which `compute` returns the arrays.
    parameters : tuple of Parameter
        What it takes, in the order of positional arguments.
    rows_needed : callable
        Number of candles until every column has a value, from the arguments.
    compute : callable
        The calculation, from the prices and the arguments.
    """

    stems: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    rows_needed: Callable[..., int]
    compute: Callable[..., Arrays]

    def columns(self, values: Sequence[Argument]) -> tuple[str, ...]:
        """Column names with the arguments, such as ``macd_signal_12_26_9``."""
        suffix = "".join(f"_{format_argument(value)}" for value in values)
        return tuple(f"{stem}{suffix}" for stem in self.stems)

    def bind(
        self, entry: str, positional: Sequence[Argument], named: Mapping[str, Argument]
    ) -> tuple[tuple[str, Argument], ...]:
        """Match the given arguments with the parameters and fill in the defaults."""
        names = [parameter.name for parameter in self.parameters]
        given = match_arguments(entry, names, positional, named)
        return tuple(
            (parameter.name, parameter.check(entry, self._value(entry, parameter, given)))
            for parameter in self.parameters
        )

    @staticmethod
    def _value(entry: str, parameter: Parameter, given: Mapping[str, Argument]) -> Argument:
        value = given.get(parameter.name, parameter.default)
        if value is None:
            raise InvalidIndicatorError(entry, f"say the {parameter.name}, for example {parameter.name}=20")
        return value


def _rsi(prices: Prices, length: int) -> Arrays:
    """Wilder's RSI [1]_, NaN until the price has moved: TA-Lib says 0 there, which reads as oversold."""
    close = prices.close
    rsi = talib.RSI(close, length)
    has_moved = np.logical_or.accumulate(close != close[:1])
    return (np.where(has_moved, rsi, np.nan),)


def _bollinger(prices: Prices, length: int, deviations: float) -> Arrays:
    """Bollinger's bands [3]_ of the price relative to the window's first close.

    TA-Lib takes variances below 1e-14 for zero and subtracts sums of squares; on plain prices the
    first flattens the bands of coins quoted at 0.00001, the second blurs those of quiet ones at 100,000.
    """
    reference = prices.close[:1]
    bands = talib.BBANDS(prices.close / reference - 1.0, length, deviations, deviations)
    upper, middle, lower = ((band + 1.0) * reference for band in bands)
    return upper, middle, lower


def _adx(prices: Prices, length: int) -> Arrays:
    """Wilder's ADX with both directional indicators [1]_."""
    bars = prices.high, prices.low, prices.close
    return talib.ADX(*bars, length), talib.PLUS_DI(*bars, length), talib.MINUS_DI(*bars, length)


def _macd(prices: Prices, fast: int, slow: int, signal: int) -> Arrays:
    """Appel's MACD line, its signal line and their difference [2]_."""
    return talib.MACD(prices.close, fast, slow, signal)


def _stochastic(prices: Prices, length: int, slowing: int, signal: int) -> Arrays:
    """Lane's slow %K and %D [4]_, both smoothed by simple averages."""
    return talib.STOCH(
        prices.high,
        prices.low,
        prices.close,
        fastk_period=length,
        slowk_period=slowing,
        slowd_period=signal,
    )


def _atr(prices: Prices, length: int) -> Arrays:
    """Wilder's average true range [1]_, in units of the price."""
    return (talib.ATR(prices.high, prices.low, prices.close, length),)


def _donchian(prices: Prices, length: int) -> Arrays:
    """Highest high and lowest low of the last candles, this one included."""
    return talib.MAX(prices.high, length), talib.MIN(prices.low, length)


def _of_close(function: Callable[[Array, int], Array]) -> Callable[[Prices, int], Arrays]:
    return lambda prices, length: (function(prices.close, length),)


def _length(default: int | None = None, minimum: float = 2) -> Parameter:
    return Parameter("length", default, minimum)


BUILT_INS: dict[str, BuiltIn] = {
    "ema": BuiltIn(("ema",), (_length(),), lambda n: n, _of_close(talib.EMA)),
    "sma": BuiltIn(("sma",), (_length(),), lambda n: n, _of_close(talib.SMA)),
    "wma": BuiltIn(("wma",), (_length(),), lambda n: n, _of_close(talib.WMA)),
    "rsi": BuiltIn(("rsi",), (_length(14),), lambda n: n + 1, _rsi),
    "roc": BuiltIn(("roc",), (_length(10, minimum=1),), lambda n: n + 1, _of_close(talib.ROC)),
    "macd": BuiltIn(
        ("macd", "macd_signal", "macd_hist"),
        (Parameter("fast", 12), Parameter("slow", 26), Parameter("signal", 9)),
        lambda fast, slow, signal: max(fast, slow) + signal - 1,
        _macd,
    ),
    "bbands": BuiltIn(
        ("bb_upper", "bb_middle", "bb_lower"),
        (_length(20), Parameter("deviations", 2.0, minimum=0.1, maximum=10, whole=False)),
        lambda n, _: n,
        _bollinger,
    ),
    "atr": BuiltIn(("atr",), (_length(14),), lambda n: n + 1, _atr),
    "adx": BuiltIn(("adx", "plus_di", "minus_di"), (_length(14),), lambda n: 2 * n, _adx),
    "stoch": BuiltIn(
        ("stoch_k", "stoch_d"),
        (_length(14), Parameter("slowing", 3, minimum=1), Parameter("signal", 3, minimum=1)),
        lambda n, slowing, signal: n + slowing + signal - 2,
        _stochastic,
    ),
    "cci": BuiltIn(
        ("cci",),
        (_length(20),),
        lambda n: n,
        lambda prices, n: (talib.CCI(prices.high, prices.low, prices.close, n),),
    ),
    "donchian": BuiltIn(("donchian_upper", "donchian_lower"), (_length(20),), lambda n: n, _donchian),
}
