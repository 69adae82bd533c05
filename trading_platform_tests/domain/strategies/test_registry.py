"""Building strategies from settings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.strategies.parameters import InvalidStrategyError
from trading_platform.domain.strategies.registry import STRATEGY_NAMES, build_strategy


@pytest.mark.parametrize("name", STRATEGY_NAMES)
def test_a_strategy_has_the_name_of_its_setting(name: str) -> None:
    assert build_strategy(name, {}).name == name


def test_parameters_choose_the_indicators() -> None:
    strategy = build_strategy("trend_following", {"fast_length": 9, "slow_length": 21, "adx_length": 10})
    assert [str(spec) for spec in strategy.indicators] == ["ema(9)", "ema(21)", "adx(10)"]
    strategy = build_strategy("mean_reversion", {"band_length": 30, "band_deviations": 2.5})
    assert [str(spec) for spec in strategy.indicators] == ["bbands(30,2.5)", "rsi(14)"]


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("scalping", {}, "unknown strategy 'scalping'; known are trend_following, mean_reversion"),
        (
            "trend_following",
            {"fast": 3},
            "strategy trend_following: unknown parameter fast;"
            " it takes fast_length, slow_length, adx_length, adx_minimum",
        ),
        (
            "trend_following",
            {"fast_length": "3"},
            "strategy trend_following: fast_length must be a whole number, not '3'",
        ),
        (
            "trend_following",
            {"fast_length": 2.5},
            "strategy trend_following: fast_length must be a whole number, not 2.5",
        ),
        (
            "trend_following",
            {"adx_minimum": float("nan")},
            "strategy trend_following: adx_minimum must be a number, not nan",
        ),
        (
            "trend_following",
            {"adx_minimum": True},
            "strategy trend_following: adx_minimum must be a number, not True",
        ),
        (
            "trend_following",
            {"fast_length": 30},
            "strategy trend_following: fast_length must be at least 2 and below slow_length",
        ),
        (
            "mean_reversion",
            {"rsi_oversold": 60},
            "strategy mean_reversion: rsi_oversold must be above 0 and below rsi_recovered, and that below 100",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidStrategyError) as caught:
        build_strategy(name, params)
    assert str(caught.value) == message


def test_the_version_is_the_revision_and_a_digest() -> None:
    version = build_strategy("trend_following", {}).version
    revision, digest = version.split("-")
    assert revision.isdigit()
    assert len(digest) == 8
    assert int(digest, 16) >= 0


def test_equal_parameters_give_equal_versions() -> None:
    defaults = build_strategy("trend_following", {})
    assert build_strategy("trend_following", {"adx_minimum": 25, "fast_length": 12.0}).version == defaults.version


@given(st.integers(2, 25), st.integers(26, 200), st.floats(0, 99))
def test_different_parameters_give_different_versions(fast: int, slow: int, adx_minimum: float) -> None:
    params = {"fast_length": fast, "slow_length": slow, "adx_minimum": adx_minimum}
    other = params | {"slow_length": slow + 1}
    assert build_strategy("trend_following", params).version != build_strategy("trend_following", other).version
