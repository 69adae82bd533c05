"""Mean reversion: buy the way back from an oversold excursion below the lower Bollinger band."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from trading_platform.domain.indicators import IndicatorSpec
from trading_platform.domain.strategies.base import Direction, Verdict
from trading_platform.domain.strategies.frame_reading import NewestCandles, read_newest
from trading_platform.domain.strategies.parameters import require, version_of

_REVISION = 1
_SETTLING_LENGTHS = 5
"""After five lengths, the start of Wilder's smoothing weighs less than 1 %."""


@dataclass(frozen=True)
class MeanReversionParameters:
    """Parameters of `MeanReversion`.

    Attributes
    ----------
    band_length : int
        Length of the Bollinger bands, in candles.
    band_deviations : float
        Their half width, in standard deviations.
    rsi_length : int
        Length of the RSI, in candles.
    rsi_oversold : float
        RSI, 0 to 100, at or below which the excursion counts as oversold.
    rsi_recovered : float
        RSI that counts as recovered.
    """

    band_length: int = 20
    band_deviations: float = 2.0
    rsi_length: int = 14
    rsi_oversold: float = 30.0
    rsi_recovered: float = 55.0

    def __post_init__(self) -> None:
        require(self.band_length >= 2, "band_length must be at least 2")
        require(0.1 <= self.band_deviations <= 10, "band_deviations must be from 0.1 to 10")
        require(self.rsi_length >= 2, "rsi_length must be at least 2")
        require(
            0 < self.rsi_oversold < self.rsi_recovered < 100,
            "rsi_oversold must be above 0 and below rsi_recovered, and that below 100",
        )


@dataclass(frozen=True)
class MeanReversion:
    """Long when the close comes back above the lower band from an oversold candle; out at the mean.

    The mean is reached when the close crosses the middle band or the RSI has recovered, whichever is first.
    """

    parameters: MeanReversionParameters = field(default_factory=MeanReversionParameters)

    name = "mean_reversion"

    @cached_property
    def version(self) -> str:
        """Version of the rule with these parameters."""
        return version_of(_REVISION, self.parameters)

    @cached_property
    def indicators(self) -> tuple[IndicatorSpec, ...]:
        """Bollinger bands, RSI."""
        chosen = self.parameters
        entries = (f"bbands({chosen.band_length},{chosen.band_deviations})", f"rsi({chosen.rsi_length})")
        return tuple(IndicatorSpec.parse(entry) for entry in entries)

    @cached_property
    def minimum_candles(self) -> int:
        """Until the RSI has settled and the bands have two values."""
        return max(_SETTLING_LENGTHS * self.parameters.rsi_length, self.parameters.band_length + 1)

    def evaluate(self, frame: pd.DataFrame) -> Verdict:
        """Judge the last candle of the frame."""
        bands, rsi_spec = self.indicators
        (_, middle, lower), (rsi,) = bands.columns, rsi_spec.columns
        newest = read_newest(frame, ("close", middle, lower, rsi), self.minimum_candles)
        if isinstance(newest, Verdict):
            return newest
        now, close = newest.current, f"close {newest.current['close']:.6g}"
        if self._returns_from_oversold(newest, lower, middle, rsi):
            return Verdict(
                Direction.LONG,
                f"{close} came back above the lower band {now[lower]:.6g}"
                f" after {rsi} {newest.previous[rsi]:.1f}, oversold at {self.parameters.rsi_oversold:g}",
                now,
            )
        recovery = self._recovery(newest, middle, rsi)
        if recovery:
            return Verdict(Direction.SHORT, f"{close}: {recovery}", now)
        return Verdict(None, f"{close} between events ({rsi} {now[rsi]:.1f})", now)

    def _returns_from_oversold(self, newest: NewestCandles, lower: str, middle: str, rsi: str) -> bool:
        was_oversold = newest.previous[rsi] <= self.parameters.rsi_oversold
        is_below_mean = newest.current["close"] < newest.current[middle]  # else nothing is left to gain
        return was_oversold and is_below_mean and newest.crosses_above("close", lower)

    def _recovery(self, newest: NewestCandles, middle: str, rsi: str) -> str | None:
        if newest.crosses_above("close", middle):
            return f"crossed above the middle band {newest.current[middle]:.6g}"
        if newest.rises_through(rsi, self.parameters.rsi_recovered):
            return f"{rsi} {newest.current[rsi]:.1f} has recovered to {self.parameters.rsi_recovered:g}"
        return None
