"""A jump is found, ordinary volatility isn't one; measured on recorded crashes where they're at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import Severity, Verdict
from trading_platform.domain.quality import judge_jumps
from trading_platform_tests.domain.quality.series import priced, recorded, synthetic
from trading_platform_tests.support.examples import MINUTE

WINDOW = 500
JUDGED = 100


def judge(candles: Sequence[Candle], newest: int = 5, min_jump_bps: float = 100, deviations: float = 20) -> Verdict:
    return judge_jumps(candles, MINUTE, deviations=deviations, min_jump_bps=min_jump_bps, newest=newest)


def quiet(candles: int = WINDOW, seed: int = 1, deviation: float = 0.0005) -> list[float]:
    """Closes whose log returns are normal."""
    return list(50_000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, deviation, candles))))


def jumps_per_10_000(candles: Sequence[Candle]) -> float:
    """How many candles jump, each judged in a window that holds it among its newest."""
    found = judged = 0
    for end in range(WINDOW, len(candles) + 1, JUDGED):
        verdict = judge(candles[end - WINDOW : end], newest=JUDGED)
        judged += JUDGED
        found += 0 if verdict.passed else int(verdict.reason.split()[0])
    return found / judged * 10_000


@given(
    seed=st.integers(0, 2**32 - 1),
    deviation=st.floats(1e-5, 5e-3),
    scale=st.sampled_from([1.0, 100.0, 1e5]),
    move=st.floats(-0.9, 9).filter(lambda move: abs(move) > 0.5),
)
@settings(max_examples=60, deadline=None)
def test_a_jump_is_found_at_any_scale_and_normal_returns_are_none(
    seed: int, deviation: float, scale: float, move: float
) -> None:
    closes = [close / 50_000 * scale for close in quiet(60, seed, deviation)]
    assert judge(priced(closes), newest=60).passed

    jumped = judge(priced([*closes, closes[-1] * (1 + move)]))

    assert (jumped.passed, jumped.severity) == (False, Severity.WARNING)
    told = float(jumped.reason.split(" by ")[1].split(" %")[0])
    assert told == pytest.approx(move * 100, abs=0.02)


def test_a_wick_counts_though_the_close_comes_back() -> None:
    candles = priced(quiet())
    spike = replace(candles[-2], high=candles[-2].close * 2)

    verdict = judge([*candles[:-2], spike, candles[-1]])

    assert not verdict.passed
    assert verdict.reason.startswith("1 of the newest 5 candles")


def test_only_the_newest_candles_are_judged() -> None:
    closes = quiet()
    closes[300:] = [close * 1.5 for close in closes[300:]]

    assert judge(priced(closes), newest=5).passed
    assert not judge(priced(closes), newest=201).passed


def test_a_jump_does_not_widen_its_own_band() -> None:
    once, thrice = quiet(), quiet()
    once[-1] *= 1.05
    for place in (100, 200, 499):
        thrice[place] *= 1.05

    assert not judge(priced(once)).passed
    assert not judge(priced(thrice)).passed


def test_a_market_that_stands_still_has_a_band_all_the_same() -> None:
    still = [100.0] * WINDOW

    assert judge(priced(still)).passed
    assert judge(priced([*still, 100.9])).passed
    assert not judge(priced([*still, 101.1])).passed


def test_a_step_across_a_hole_is_no_jump() -> None:
    closes = quiet()
    closes[-1] *= 1.5
    candles = priced(closes)
    del candles[-2]

    assert judge(candles, newest=1).passed


@given(candles=st.lists(st.sampled_from(["0", "-1", "0.00000001", "5"]).map(Decimal), max_size=60))
def test_impossible_prices_are_another_rules_business(candles: list[Decimal]) -> None:
    made = [replace(c, low=price, close=price) for c, price in zip(priced([5.0] * 60), candles, strict=False)]

    judge(made)  # whatever it says, it doesn't stumble


@pytest.mark.parametrize("held", [0, 1, 2, 20])
def test_too_few_candles_tell_nothing(held: int) -> None:
    assert judge(priced(quiet()[: held or 1])[:held]).passed


@pytest.mark.parametrize(
    ("period", "name", "most"),
    [("2021-04", "BTCUSDT-1m", 5), ("2023-03", "ETHUSDT-1m", 5)],
)
def test_recorded_volatility_is_mostly_none(period: str, name: str, most: float) -> None:
    candles = recorded(period, name)[10_000:35_000]

    assert 0 < jumps_per_10_000(candles) <= most


def test_synthetic_volatility_is_none(tmp_path: Path) -> None:
    assert jumps_per_10_000(synthetic(tmp_path)) <= 5
