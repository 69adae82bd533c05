"""What must hold for every strategy, with its default parameters."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_platform.domain.indicators import compute_indicators, parse_indicators
from trading_platform.domain.strategies.base import Direction, Strategy
from trading_platform.domain.strategies.registry import STRATEGY_NAMES, build_strategy

from ..windows import of_closes
from .frames import WINDOW_CANDLES, directions, judged, swinging_market, verdicts


@pytest.fixture(params=STRATEGY_NAMES, scope="module")
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return build_strategy(request.param, {})


def test_it_speaks_both_ways_on_a_swinging_market(strategy: Strategy) -> None:
    spoken = directions(verdicts(strategy, swinging_market(1000, seed=3)))
    assert set(spoken) == {Direction.LONG, Direction.SHORT}
    assert len(spoken) < 100  # events, not states


def test_a_verdict_depends_on_nothing_but_its_window(strategy: Strategy) -> None:
    """I10: on one candle, live (its own window) and backfill (a slice of history) agree, rerun after rerun."""
    candles = swinging_market(620, seed=5)
    live = verdicts(strategy, candles)
    for offset in (0, 60, 120):
        window = candles.iloc[offset : offset + WINDOW_CANDLES].copy()
        assert judged(strategy, window) == live[offset]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), end=st.integers(300, 599), factor=st.floats(0.5, 2.0))
def test_candles_after_the_window_change_nothing(strategy: Strategy, seed: int, end: int, factor: float) -> None:
    candles = swinging_market(600, seed)
    other_future = candles.copy()
    other_future.iloc[end:] *= factor
    frames = [compute_indicators(market, strategy.indicators).iloc[:end] for market in (candles, other_future)]
    assert strategy.evaluate(frames[0]) == strategy.evaluate(frames[1])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_other_columns_change_nothing(strategy: Strategy, seed: int) -> None:
    window = swinging_market(WINDOW_CANDLES, seed)
    more = compute_indicators(window, [*parse_indicators(["atr", "sma(5)", "macd"]), *strategy.indicators])
    assert strategy.evaluate(more) == judged(strategy, window)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.sampled_from([-1, -2]), data=st.data())
def test_nan_is_never_a_signal(strategy: Strategy, seed: int, row: int, data: st.DataObject) -> None:
    frame = compute_indicators(swinging_market(WINDOW_CANDLES, seed), strategy.indicators)
    used = strategy.evaluate(frame).evidence
    column = data.draw(st.sampled_from(sorted(used)))
    frame.loc[frame.index[row], column] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    verdict = strategy.evaluate(frame)
    assert verdict.direction is None
    assert verdict.reason == f"no value yet for {column}"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_a_short_window_is_never_a_signal(strategy: Strategy, seed: int, data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, strategy.minimum_candles - 1))
    verdict = judged(strategy, swinging_market(WINDOW_CANDLES, seed).iloc[:rows])
    assert verdict.direction is None
    assert verdict.reason == f"not enough candles: {rows} of {strategy.minimum_candles}"


def test_the_minimum_is_enough_for_every_indicator(strategy: Strategy) -> None:
    assert strategy.minimum_candles > max(spec.rows_needed for spec in strategy.indicators)
    window = swinging_market(strategy.minimum_candles, seed=1)
    assert judged(strategy, window).evidence


@settings(max_examples=25, deadline=None)
@given(price=st.floats(1e-6, 1e6))
def test_a_dead_market_gives_no_signal(strategy: Strategy, price: float) -> None:
    assert judged(strategy, of_closes([price] * WINDOW_CANDLES)).direction is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([2.0**-20, 2.0**10]))
def test_the_price_level_does_not_matter(strategy: Strategy, seed: int, factor: float) -> None:
    window = swinging_market(WINDOW_CANDLES, seed)
    scaled = window.mul([factor] * 4 + [1.0])
    assert judged(strategy, scaled).direction == judged(strategy, window).direction


def test_evidence_is_finite_and_reasons_are_one_line(strategy: Strategy) -> None:
    for verdict in verdicts(strategy, swinging_market(700, seed=9)):
        assert all(math.isfinite(value) for value in verdict.evidence.values())
        assert verdict.reason
        assert "\n" not in verdict.reason


def test_a_frame_of_other_indicators_is_refused(strategy: Strategy) -> None:
    prices: pd.DataFrame = swinging_market(WINDOW_CANDLES, seed=1)
    with pytest.raises(ValueError, match="the indicator frame lacks"):
        strategy.evaluate(prices)
