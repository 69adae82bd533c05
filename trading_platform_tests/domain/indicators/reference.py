"""Indicators written out from their definitions, candle by candle: slow, plain, and free of TA-Lib."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]


def _nans(length: int) -> Array:
    return np.full(length, np.nan)


def sma(values: Array, length: int) -> Array:
    out = _nans(len(values))
    for row in range(length - 1, len(values)):
        out[row] = sum(values[row - length + 1 : row + 1]) / length
    return out


def ema(values: Array, length: int, first_row: int | None = None) -> Array:
    """Seeded by the simple average of the `length` values up to `first_row`."""
    out = _nans(len(values))
    first_row = length - 1 if first_row is None else first_row
    if first_row >= len(values):
        return out
    out[first_row] = sum(values[first_row - length + 1 : first_row + 1]) / length
    for row in range(first_row + 1, len(values)):
        out[row] = out[row - 1] + (values[row] - out[row - 1]) * 2.0 / (length + 1)
    return out


def wma(values: Array, length: int) -> Array:
    out = _nans(len(values))
    for row in range(length - 1, len(values)):
        out[row] = sum((k + 1) * values[row - length + 1 + k] for k in range(length)) / (length * (length + 1) / 2)
    return out


def roc(values: Array, length: int) -> Array:
    out = _nans(len(values))
    for row in range(length, len(values)):
        out[row] = (values[row] / values[row - length] - 1.0) * 100.0
    return out


def wilder(values: Array, length: int, first_row: int) -> Array:
    """Wilder's average of `values` from row 1 on: a mean first, then 1/length of each new value."""
    out = _nans(len(values))
    if first_row >= len(values):
        return out
    out[first_row] = sum(values[first_row - length + 1 : first_row + 1]) / length
    for row in range(first_row + 1, len(values)):
        out[row] = (out[row - 1] * (length - 1) + values[row]) / length
    return out


def rsi(close: Array, length: int) -> Array:
    change = np.diff(close, prepend=close[:1])
    gain = wilder(np.maximum(change, 0.0), length, length)
    loss = wilder(np.maximum(-change, 0.0), length, length)
    index: Array = 100.0 * gain / (gain + loss)
    return index


def macd(close: Array, fast: int, slow: int, signal: int) -> tuple[Array, Array, Array]:
    """Both averages start at the slow one's first row; nothing is shown before the signal line starts."""
    line = ema(close, fast, slow - 1) - ema(close, slow)
    smoothed = _nans(len(close))
    smoothed[slow - 1 :] = ema(line[slow - 1 :], signal)
    line[: slow + signal - 2] = np.nan
    return line, smoothed, line - smoothed


def bollinger(close: Array, length: int, deviations: float) -> tuple[Array, Array, Array]:
    middle, width = sma(close, length), _nans(len(close))
    for row in range(length - 1, len(close)):
        width[row] = deviations * np.std(close[row - length + 1 : row + 1])
    return middle + width, middle, middle - width


def true_range(frame: pd.DataFrame) -> Array:
    high, low, close = (frame[name].to_numpy() for name in ("high", "low", "close"))
    out: Array = high - low
    for row in range(1, len(frame)):
        out[row] = max(high[row], close[row - 1]) - min(low[row], close[row - 1])
    return out


def atr(frame: pd.DataFrame, length: int) -> Array:
    return wilder(true_range(frame), length, length)


def _wilder_sum(values: Array, length: int) -> Array:
    """TA-Lib seeds the running sums of ADX with length - 1 values, from row 1."""
    out = _nans(len(values))
    if length - 1 < len(values):
        out[length - 1] = sum(values[1:length])
    for row in range(length, len(values)):
        out[row] = out[row - 1] * (1.0 - 1.0 / length) + values[row]
    return out


def adx(frame: pd.DataFrame, length: int) -> tuple[Array, Array, Array]:
    up = np.diff(frame["high"].to_numpy(), prepend=np.nan)
    down = -np.diff(frame["low"].to_numpy(), prepend=np.nan)
    plus = _wilder_sum(np.where((up > down) & (up > 0), up, 0.0), length)
    minus = _wilder_sum(np.where((down > up) & (down > 0), down, 0.0), length)
    ranges = _wilder_sum(true_range(frame), length)
    plus_di, minus_di = 100.0 * plus / ranges, 100.0 * minus / ranges
    for values in (plus_di, minus_di):
        values[:length] = np.nan
    dx = 100.0 * np.abs(plus_di - minus_di) / (plus_di + minus_di)
    return wilder(dx, length, 2 * length - 1), plus_di, minus_di


def donchian(frame: pd.DataFrame, length: int) -> tuple[Array, Array]:
    high, low = frame["high"].rolling(length).max(), frame["low"].rolling(length).min()
    return high.to_numpy(), low.to_numpy()


def stochastic(frame: pd.DataFrame, length: int, slowing: int, signal: int) -> tuple[Array, Array]:
    top, bottom = donchian(frame, length)
    fast = 100.0 * (frame["close"].to_numpy() - bottom) / (top - bottom)
    slow_k, slow_d = _nans(len(frame)), _nans(len(frame))
    slow_k[length - 1 :] = sma(fast[length - 1 :], slowing)
    slow_d[length + slowing - 2 :] = sma(slow_k[length + slowing - 2 :], signal)
    slow_k[: length + slowing + signal - 3] = np.nan
    return slow_k, slow_d


def cci(frame: pd.DataFrame, length: int) -> Array:
    typical = frame[["high", "low", "close"]].mean(axis=1).to_numpy()
    out = _nans(len(typical))
    for row in range(length - 1, len(typical)):
        last = typical[row - length + 1 : row + 1]
        out[row] = (typical[row] - last.mean()) / (0.015 * np.abs(last - last.mean()).mean())
    return out
