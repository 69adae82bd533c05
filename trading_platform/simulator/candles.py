"""A symbol's base candles as columns of integers, exact to the last digit.

Each number is stored as ``value * 10**decimals`` in int64, so that slicing, extrema and sums are
numpy's work and nothing is ever rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from trading_platform.simulator.model import SymbolRules

Column = npt.NDArray[np.int64]

_SPLIT = 10**6


class Candle(NamedTuple):
    """One row of a `CandleTable`, in the table's integers."""

    number: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int
    taker_base: int
    taker_quote: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Decimals of a symbol's prices, volumes (in base asset) and quote volumes."""

    price: int
    volume: int
    quote: int


@dataclass(frozen=True, slots=True)
class CandleTable:
    """Candles of one symbol and interval, strictly increasing; a gap is a missing number.

    ``number`` is the candle's open time divided by the interval.
    """

    interval_ms: int
    scale: Scale
    number: Column
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    quote_volume: Column
    trades: Column
    taker_base: Column
    taker_quote: Column

    def __len__(self) -> int:
        return len(self.number)

    def row_at_or_before(self, number: int) -> int:
        """Row of the newest candle up to ``number``; -1 if there is none."""
        return int(np.searchsorted(self.number, number, side="right")) - 1

    def row_at_or_after(self, number: int) -> int:
        """Row of the oldest candle from ``number`` on; ``len(self)`` if there is none."""
        return int(np.searchsorted(self.number, number, side="left"))

    def candle(self, row: int) -> Candle:
        """One row."""
        return Candle(*(int(getattr(self, name)[row]) for name in Candle._fields))

    def rows(self, start: int, stop: int) -> CandleTable:
        """Rows ``[start, stop)``, as views."""
        return self._with({name: getattr(self, name)[start:stop] for name in Candle._fields})

    def with_last(self, candle: Candle) -> CandleTable:
        """The same rows with the last one replaced."""
        columns = {}
        for name, value in zip(Candle._fields, candle, strict=True):
            columns[name] = getattr(self, name).copy()
            columns[name][-1] = value
        return self._with(columns)

    @staticmethod
    def joined(tables: Sequence[CandleTable]) -> CandleTable:
        """The rows of all tables, one table after the other."""
        return tables[0]._with({name: np.concatenate([getattr(t, name) for t in tables]) for name in Candle._fields})

    def _with(self, columns: dict[str, Column]) -> CandleTable:
        return replace(self, **columns)  # type: ignore[arg-type]


class CandleSource(Protocol):
    """Where a market's candles come from."""

    @property
    def symbols(self) -> tuple[SymbolRules, ...]: ...

    @property
    def interval_ms(self) -> int: ...

    @property
    def ends_at_ms(self) -> int | None:
        """End of the last candle that every symbol has; ``None`` if candles never end."""
        ...

    @property
    def starts_at_ms(self) -> int:
        """Open of the first candle that every symbol has."""
        ...

    def table(self, symbol: str, until_ms: int) -> CandleTable:
        """All candles of a symbol that open up to ``until_ms``, and perhaps later ones."""
        ...


def decimal(value: int, decimals: int) -> Decimal:
    """The number that ``value`` stands for."""
    return Decimal(value).scaleb(-decimals)


def decimals_of(step: Decimal) -> int:
    """Decimals of a power of ten: 0.01 has two, 10 has none."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def exact_sums(column: Column, starts: npt.NDArray[np.intp]) -> list[int]:
    """Sums of the runs that begin at ``starts``, safe from int64 overflow."""
    whole = np.add.reduceat(column // _SPLIT, starts)
    rest = np.add.reduceat(column % _SPLIT, starts)
    return [w * _SPLIT + r for w, r in zip(whole.tolist(), rest.tolist(), strict=True)]


def exact_sum(column: Column) -> int:
    """Sum of a column, safe from int64 overflow; zero if it's empty."""
    return int((column // _SPLIT).sum()) * _SPLIT + int((column % _SPLIT).sum())
