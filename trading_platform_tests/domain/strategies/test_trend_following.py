"""Trend following, candle by candle."""

from __future__ import annotations

from itertools import pairwise

import pytest

from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.strategies.trend_following import TrendFollowing, TrendFollowingParameters

from .frames import directions, flat_frame, swinging_market, verdicts, with_tail

STRATEGY = TrendFollowing()
FRAME = flat_frame(STRATEGY, STRATEGY.minimum_candles, ema_12=100.0, ema_26=100.0, adx_14=40.0)


@pytest.mark.parametrize(
    ("fast", "slow", "adx", "expected"),
    [
        ((99.0, 101.0), (100.0, 100.0), 25.0, Direction.LONG),
        ((100.0, 101.0), (100.0, 100.0), 25.0, Direction.LONG),  # from touching to above
        ((99.0, 101.0), (100.0, 100.0), 24.9, None),  # no trend
        ((99.0, 100.0), (100.0, 100.0), 40.0, None),  # touching only
        ((101.0, 102.0), (100.0, 100.0), 40.0, None),  # above already: a state, not an event
        ((101.0, 99.0), (100.0, 100.0), 40.0, Direction.SHORT),
        ((101.0, 99.0), (100.0, 100.0), 5.0, Direction.SHORT),  # leaving needs no trend
        ((99.0, 98.0), (100.0, 100.0), 40.0, None),
    ],
)
def test_crosses(fast: tuple[float, float], slow: tuple[float, float], adx: float, expected: Direction | None) -> None:
    verdict = STRATEGY.evaluate(with_tail(FRAME, ema_12=fast, ema_26=slow, adx_14=(adx, adx)))
    assert verdict.direction == expected
    assert verdict.evidence == {"ema_12": fast[1], "ema_26": slow[1], "adx_14": adx}


def test_the_reason_tells_the_numbers() -> None:
    frame = with_tail(FRAME, ema_12=(99.0, 101.25), adx_14=(30.0, 31.0))
    reason = "ema_12 crossed above ema_26 (ema_12 101.25, ema_26 100) with adx_14 31.0 at least 25"
    assert STRATEGY.evaluate(frame).reason == reason


def test_a_weak_cross_says_why_it_is_ignored() -> None:
    frame = with_tail(FRAME, ema_12=(99.0, 101.0), adx_14=(10.0, 10.0))
    assert STRATEGY.evaluate(frame).reason == "ema_12 crossed above ema_26, but adx_14 10.0 is below 25"


def test_without_a_filter_entries_and_exits_alternate() -> None:
    strategy = TrendFollowing(TrendFollowingParameters(adx_minimum=0.0))
    spoken = directions(verdicts(strategy, swinging_market(1100, seed=4)))
    assert len(spoken) > 4
    assert all(now is not then for then, now in pairwise(spoken))
