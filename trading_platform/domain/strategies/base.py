"""What a strategy is: a pure judgement on the newest candle of a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from trading_platform.domain.indicators import IndicatorSpec


class Direction(StrEnum):
    """Where a signal points. The platform trades spot and long only: SHORT closes a long."""

    LONG = "long"
    SHORT = "short"


@dataclass(frozen=True)
class Verdict:
    """A strategy's judgement on one candle.

    Attributes
    ----------
    direction : Direction or None
        None where the candle gives no signal.
    reason : str
        Why, in plain words with the numbers, for the owner to read.
    evidence : mapping of str to float
        Indicator values that the judgement rests on, finite, by column name.
    """

    direction: Direction | None
    reason: str
    evidence: Mapping[str, float]


class Strategy(Protocol):
    """A trading rule.

    Live, replay and backfill must agree (I10). So a verdict depends on nothing but the frame: the last
    ``window_candles`` closed candles up to the one being judged, with the indicators computed on
    exactly those. Signals are events, such as a cross: a lasting state gives one signal, not one per candle.
    """

    @property
    def name(self) -> str:
        """Name in the settings."""
        ...

    @property
    def version(self) -> str:
        """Changes with the rule and with each parameter; part of a signal's identity (I3)."""
        ...

    @property
    def indicators(self) -> tuple[IndicatorSpec, ...]:
        """What the frame must hold besides the prices."""
        ...

    @property
    def minimum_candles(self) -> int:
        """Candles below which there is never a signal."""
        ...

    def evaluate(self, frame: pd.DataFrame) -> Verdict:
        """Judge the last row of a frame made by `compute_indicators`, oldest candle first."""
        ...
