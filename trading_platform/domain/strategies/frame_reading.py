"""Reading the newest candles of an indicator frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from trading_platform.domain.strategies.base import Verdict


@dataclass(frozen=True)
class NewestCandles:
    """Values of the judged candle and of the one before, by column."""

    previous: dict[str, float]
    current: dict[str, float]

    def crosses_above(self, column: str, other: str) -> bool:
        """Whether the column has just risen above the other; touching is not yet above."""
        return self.previous[column] <= self.previous[other] and self.current[column] > self.current[other]

    def crosses_below(self, column: str, other: str) -> bool:
        """Whether the column has just fallen below the other; touching is not yet below."""
        return self.previous[column] >= self.previous[other] and self.current[column] < self.current[other]


def read_newest(frame: pd.DataFrame, columns: Sequence[str], minimum_candles: int) -> NewestCandles | Verdict:
    """The last two rows of the columns, or the verdict that says why they can't be judged.

    Raises
    ------
    ValueError
        If the frame lacks a column: it was computed for other indicators than the strategy names.
    """
    missing = [column for column in columns if column not in frame]
    if missing:
        raise ValueError(f"the indicator frame lacks {', '.join(missing)}; compute the strategy's indicators")
    if len(frame) < minimum_candles:
        return Verdict(None, f"not enough candles: {len(frame)} of {minimum_candles}", {})
    tails = {column: frame[column].to_numpy()[-2:] for column in columns}
    unknown = [column for column, tail in tails.items() if not (math.isfinite(tail[0]) and math.isfinite(tail[1]))]
    if unknown:
        return Verdict(None, f"no value yet for {', '.join(unknown)}", {})
    return NewestCandles(
        {column: float(tail[0]) for column, tail in tails.items()},
        {column: float(tail[1]) for column, tail in tails.items()},
    )
