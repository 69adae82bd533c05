"""Rules about one entry: cooldown, correlation, rate, price, and how old the balances are."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.account_rules import (
    judge_balance_age,
    judge_cooldown,
    judge_correlation,
    judge_order_rate,
    judge_price_band,
    log_returns,
)
from trading_platform.domain.risk import ReasonCode
from trading_platform_tests.domain.account_rules.views import ETH, NOON, seconds_ago, view
from trading_platform_tests.support.examples import SYMBOL, minutes

floats = st.floats(-0.1, 0.1, allow_nan=False).map(lambda value: round(value, 6))


@pytest.mark.parametrize(("ago", "passed"), [(None, True), (299.0, False), (300.0, True)])
def test_a_symbol_cools_down(ago: float | None, passed: bool) -> None:
    closed = None if ago is None else seconds_ago(ago)
    verdict = judge_cooldown(view(symbol_closed_at=closed), 300)
    assert verdict.passed is passed
    if not passed:
        assert (verdict.code, verdict.until) == (ReasonCode.COOLDOWN, NOON + timedelta(seconds=1))


def moves(values: list[float], begin: int = 0) -> dict[datetime, float]:
    return {minutes(begin + n): value for n, value in enumerate(values)}


def noise(seed: int, number: int = 120) -> list[float]:
    random_ = random.Random(seed)
    return [random_.gauss(0, 0.001) for _ in range(number)]


def correlated(other: dict[datetime, float], own: dict[datetime, float], limit: float = 0.9) -> Any:
    return judge_correlation(view(returns={SYMBOL: own, ETH: other}), limit)


def test_twins_are_one_position() -> None:
    own = noise(1)
    verdict = correlated(moves([2 * value for value in own]), moves(own))
    assert verdict.code is ReasonCode.CORRELATED
    assert "1.00 with ETH/USDT" in verdict.reason


def test_strangers_and_opposites_pass() -> None:
    own = noise(1)
    assert correlated(moves(noise(2)), moves(own)).passed
    assert correlated(moves([-value for value in own]), moves(own)).passed


def test_a_limit_of_one_lets_everything_pass() -> None:
    assert correlated(moves(noise(1)), moves(noise(1)), limit=1.0).passed


def test_what_does_not_move_correlates_with_nothing() -> None:
    assert correlated(moves([0.0] * 120), moves(noise(1))).passed


def test_nothing_held_nothing_correlated() -> None:
    assert judge_correlation(view(returns={SYMBOL: moves(noise(1))}), 0.5).passed
    assert judge_correlation(view(), 0.5).passed


def test_too_few_candles_in_common_wait() -> None:
    verdict = correlated(moves(noise(1), begin=110), moves(noise(1)))
    assert (verdict.code, verdict.may_heal) == (ReasonCode.CORRELATED, True)
    assert "10 candles in common" in verdict.reason


@given(st.lists(st.tuples(floats, floats), min_size=20, max_size=60))
def test_it_is_pearsons_coefficient(pairs: list[tuple[float, float]]) -> None:
    own, other = [list(each) for each in zip(*pairs, strict=True)]
    if np.std(own) < 1e-5 or np.std(other) < 1e-5:
        return
    expected = float(np.corrcoef(own, other)[0, 1])
    for limit in (expected - 1e-6, expected + 1e-6):
        assert correlated(moves(other), moves(own), limit).passed == (expected < limit)


def test_returns_are_logarithms_by_candle() -> None:
    closes = {minutes(2): 110.0, minutes(0): 100.0, minutes(1): 100.0}
    assert log_returns(closes) == pytest.approx({minutes(1): 0.0, minutes(2): math.log(1.1)})
    assert log_returns({}) == {}


@pytest.mark.parametrize(("ages", "passed"), [((), True), ((1, 2), True), ((1, 2, 59), False), ((1, 2, 60, 61), True)])
def test_entries_within_a_minute(ages: tuple[int, ...], passed: bool) -> None:
    verdict = judge_order_rate(view(entries_at=[seconds_ago(age) for age in ages]), 3)
    assert verdict.passed is passed
    if not passed:
        assert (verdict.code, verdict.until) == (ReasonCode.ORDER_RATE, NOON + timedelta(seconds=1))


@given(st.lists(st.floats(0, 120), max_size=8), st.integers(1, 4))
def test_a_refused_rate_is_over_at_the_time_that_it_names(ages: list[float], most: int) -> None:
    entries = [seconds_ago(age) for age in ages]
    verdict = judge_order_rate(view(entries_at=entries), most)
    if verdict.until is not None:
        later = view(entries_at=entries, time=type(view().time)(verdict.until, NOON))
        assert judge_order_rate(later, most).passed


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ({"ask": Decimal(50_501)}, "the last trade"),
        ({"ask": Decimal(49_499)}, "the last trade"),
        ({"closes": [Decimal(47_000)] * 3}, "the median of 3 closes"),
        ({"closes": [Decimal(53_000)] * 3 + [Decimal(50_000)]}, "the median of 3 closes"),
        ({"closes": []}, "no closed candle"),
    ],
)
def test_a_price_out_of_the_band_waits(prices: dict[str, Any], words: str) -> None:
    verdict = judge_price_band(view(**prices), Decimal(100), Decimal(500), 3)
    assert (verdict.code, verdict.may_heal) == (ReasonCode.PRICE_BAND, True)
    assert words in verdict.reason


def test_one_odd_close_is_no_reason() -> None:
    closes = [Decimal(50_000), Decimal(20_000), Decimal(50_000)]
    assert judge_price_band(view(closes=closes), Decimal(100), Decimal(500), 3).passed


@given(st.decimals("49500", "50500", places=2))
def test_inside_both_bands_is_bought(ask: Decimal) -> None:
    assert judge_price_band(view(ask=ask), Decimal(100), Decimal(500), 3).passed


def test_prices_are_told_as_people_write_them() -> None:
    verdict = judge_price_band(view(ask=Decimal("50000.50000000")), Decimal(100), Decimal(500), 3)
    assert verdict.reason.startswith("ask 50000.5 is 0 bps from the last trade 50000;")


@pytest.mark.parametrize(("ago", "passed"), [(None, False), (120.0, True), (120.1, False)])
def test_balances_get_old(ago: float | None, passed: bool) -> None:
    verdict = judge_balance_age(view(reconciled_at=None if ago is None else seconds_ago(ago)), 120)
    assert verdict.passed is passed
    assert (verdict.code, verdict.may_heal) == ((None, False) if passed else (ReasonCode.STALE_BALANCE, True))
