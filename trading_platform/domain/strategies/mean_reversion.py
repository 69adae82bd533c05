"""Mean reversion: buy the way back from an oversold excursion below the lower Bollinger band."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_platform.domain.indicators import IndicatorSpec
from trading_platform.domain.strategies.base import Direction, Verdict
from trading_platform.domain.strategies.frame_reading import read_newest
from trading_platform.domain.strategies.parameters import require, version_of

Array = npt.NDArray[np.float64]

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
    rsi_oversold: float = 25.0
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

    The way out is the first candle since the last close below the lower band that closes above the middle
    band or has a recovered RSI. Later candles at the mean give no further signal.
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
        was, now, chosen = newest.previous, newest.current, self.parameters
        close = f"close {now['close']:.6g}"
        if not self._is_recovered(now["close"], now[middle], now[rsi]):
            if was[rsi] <= chosen.rsi_oversold and newest.crosses_above("close", lower):
                return Verdict(
                    Direction.LONG,
                    f"{close} came back above the lower band {now[lower]:.6g}"
                    f" after {rsi} {was[rsi]:.1f}, oversold at {chosen.rsi_oversold:g}",
                    now,
                )
            return Verdict(None, f"{close} is no return from oversold ({rsi} {now[rsi]:.1f})", now)
        if not self._is_first_recovery(*(frame[name].to_numpy() for name in ("close", middle, lower, rsi))):
            return Verdict(None, f"{close} is at its mean already ({rsi} {now[rsi]:.1f})", now)
        recovery = f"has {rsi} {now[rsi]:.1f}, recovered to {chosen.rsi_recovered:g}"
        if now["close"] > now[middle]:
            recovery = f"rose above the middle band {now[middle]:.6g}"
        return Verdict(Direction.SHORT, f"{close} {recovery} after a close below the lower band", now)

    def _is_recovered(self, close: float, middle: float, rsi: float) -> bool:
        return close > middle or rsi >= self.parameters.rsi_recovered

    def _is_first_recovery(self, close: Array, middle: Array, lower: Array, rsi: Array) -> bool:
        """Whether no candle had recovered between the last close below the lower band and the newest."""
        excursions = np.flatnonzero(close[:-1] < lower[:-1])
        if not excursions.size:
            return False
        between = slice(excursions[-1] + 1, -1)
        recovered = (close[between] > middle[between]) | (rsi[between] >= self.parameters.rsi_recovered)
        return not recovered.any()
