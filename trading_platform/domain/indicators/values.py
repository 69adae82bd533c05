"""Vocabulary that the indicator modules share: arguments, arrays and their errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_platform.domain.errors import FixSettings

Array = npt.NDArray[np.float64]
Arrays = tuple[Array, ...]
Argument = int | float | bool | str
PRICE_COLUMNS = ("open", "high", "low", "close", "volume")

_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Prices:
    """A window of closed candles as arrays of equal length, oldest candle first."""

    open_time: pd.DatetimeIndex
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    @classmethod
    def of(cls, window: pd.DataFrame) -> Prices:
        """Take the arrays out of a frame with the columns `PRICE_COLUMNS`, indexed by open time.

        Raises
        ------
        ValueError
            If a column is missing, or the times don't ascend: indicators of shuffled candles are lies.
        """
        missing = [column for column in PRICE_COLUMNS if column not in window]
        if missing:
            raise ValueError(f"the candle window lacks the columns {', '.join(missing)}")
        if not isinstance(window.index, pd.DatetimeIndex) or not window.index.is_monotonic_increasing:
            raise ValueError("the candle window must be indexed by open time, oldest candle first")
        if tuple(window.columns) == PRICE_COLUMNS:
            return cls(window.index, *np.ascontiguousarray(window.to_numpy(dtype=np.float64).T))
        arrays = (window[column].to_numpy(dtype=np.float64) for column in PRICE_COLUMNS)
        return cls(window.index, *arrays)


class InvalidIndicatorError(FixSettings, ValueError):
    """An indicator in the settings can't be used; the message names the entry and the remedy."""

    def __init__(self, entry: str, problem: str) -> None:
        super().__init__(f"indicator {entry!r}: {problem}")


def parse_argument(entry: str, text: str) -> Argument:
    """Read one argument: a whole number, a decimal number, true, false or a word."""
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    if text in ("true", "false"):
        return text == "true"
    if _WORD.fullmatch(text):
        return text
    raise InvalidIndicatorError(entry, f"{text!r} is neither a number nor a word")


def format_argument(value: Argument) -> str:
    """Write an argument in its canonical form: ``2.0`` as ``2``, True as ``true``."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def match_arguments(
    entry: str, names: Sequence[str], positional: Sequence[Argument], named: Mapping[str, Argument]
) -> dict[str, Argument]:
    """Give the arguments the names of the parameters, in the order of the parameters' names.

    Raises
    ------
    InvalidIndicatorError
        If there are too many, or one is unknown or given twice.
    """
    takes = f"it takes {', '.join(names) or 'no arguments'}"
    if len(positional) > len(names):
        raise InvalidIndicatorError(entry, f"too many arguments; {takes}")
    given = dict(zip(names, positional, strict=False))
    for name, value in named.items():
        if name not in names:
            raise InvalidIndicatorError(entry, f"unknown argument {name}; {takes}")
        if name in given:
            raise InvalidIndicatorError(entry, f"{name} is given twice")
        given[name] = value
    return {name: given[name] for name in names if name in given}
