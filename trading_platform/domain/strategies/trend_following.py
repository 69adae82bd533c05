"""Trend following: go with a cross of two moving averages when the trend is strong enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from trading_platform.domain.indicators import IndicatorSpec
from trading_platform.domain.strategies.base import Direction, Verdict
from trading_platform.domain.strategies.frame_reading import read_newest
from trading_platform.domain.strategies.parameters import require, version_of

_REVISION = 1
_SETTLING_LENGTHS = 3
"""After three lengths, an EMA's starting value weighs less than 0.3 %."""


@dataclass(frozen=True)
class TrendFollowingParameters:
    """Parameters of `TrendFollowing`.

    Attributes
    ----------
    fast_length, slow_length : int
        Lengths of the two EMAs, in candles.
    adx_length : int
        Length of the ADX, in candles.
    adx_minimum : float
        Trend strength, 0 to 100, below which a cross upwards is taken for noise.
    """

    fast_length: int = 12
    slow_length: int = 26
    adx_length: int = 14
    adx_minimum: float = 25.0

    def __post_init__(self) -> None:
        require(2 <= self.fast_length < self.slow_length, "fast_length must be at least 2 and below slow_length")
        require(self.adx_length >= 2, "adx_length must be at least 2")
        require(0 <= self.adx_minimum < 100, "adx_minimum must be from 0 to below 100")


@dataclass(frozen=True)
class TrendFollowing:
    """Long when the fast EMA crosses above the slow one while the ADX shows a trend; out on the cross back.

    The way out has no filter: leaving reduces risk.
    """

    parameters: TrendFollowingParameters = field(default_factory=TrendFollowingParameters)

    name = "trend_following"

    @cached_property
    def version(self) -> str:
        """Version of the rule with these parameters."""
        return version_of(_REVISION, self.parameters)

    @cached_property
    def indicators(self) -> tuple[IndicatorSpec, ...]:
        """Fast EMA, slow EMA, ADX."""
        lengths = self.parameters
        entries = (f"ema({lengths.fast_length})", f"ema({lengths.slow_length})", f"adx({lengths.adx_length})")
        return tuple(IndicatorSpec.parse(entry) for entry in entries)

    @cached_property
    def minimum_candles(self) -> int:
        """Until the slow EMA has settled and the ADX has two values."""
        lengths = self.parameters
        return max(_SETTLING_LENGTHS * lengths.slow_length, 2 * lengths.adx_length + 1)

    def evaluate(self, frame: pd.DataFrame) -> Verdict:
        """Judge the last candle of the frame."""
        fast, slow, adx = (spec.columns[0] for spec in self.indicators)
        newest = read_newest(frame, (fast, slow, adx), self.minimum_candles)
        if isinstance(newest, Verdict):
            return newest
        now, minimum = newest.current, self.parameters.adx_minimum
        averages = f"{fast} {now[fast]:.6g}, {slow} {now[slow]:.6g}"
        if newest.crosses_below(fast, slow):
            return Verdict(Direction.SHORT, f"{fast} crossed below {slow} ({averages})", now)
        if not newest.crosses_above(fast, slow):
            return Verdict(None, f"no cross ({averages})", now)
        strength = f"{adx} {now[adx]:.1f}"
        if now[adx] < minimum:
            return Verdict(None, f"{fast} crossed above {slow}, but {strength} is below {minimum:g}", now)
        return Verdict(
            Direction.LONG,
            f"{fast} crossed above {slow} ({averages}) with {strength} at least {minimum:g}",
            now,
        )
