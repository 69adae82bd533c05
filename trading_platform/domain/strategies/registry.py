"""Strategies by the names that the settings use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trading_platform.domain.strategies.base import Strategy
from trading_platform.domain.strategies.mean_reversion import MeanReversion, MeanReversionParameters
from trading_platform.domain.strategies.parameters import InvalidStrategyError, read_parameters
from trading_platform.domain.strategies.trend_following import TrendFollowing, TrendFollowingParameters

_BUILDERS: dict[str, Callable[[Mapping[str, Any]], Strategy]] = {
    TrendFollowing.name: lambda given: TrendFollowing(
        read_parameters(TrendFollowingParameters, TrendFollowing.name, given)
    ),
    MeanReversion.name: lambda given: MeanReversion(
        read_parameters(MeanReversionParameters, MeanReversion.name, given)
    ),
}

STRATEGY_NAMES = tuple(_BUILDERS)


def build_strategy(name: str, params: Mapping[str, Any]) -> Strategy:
    """Make the named strategy; parameters that aren't given keep their defaults.

    Raises
    ------
    InvalidStrategyError
        One line: the strategy or parameter, what is wrong with it and what would be right.
    """
    builder = _BUILDERS.get(name)
    if builder is None:
        raise InvalidStrategyError(f"unknown strategy {name!r}; known are {', '.join(STRATEGY_NAMES)}")
    return builder(params)
