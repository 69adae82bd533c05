from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.freshness import assess_candles
from trading_platform.domain.venue_time import VenueTime
from trading_platform_tests.support.examples import MINUTE, SYMBOL, minutes

LIMIT = 45.0


def test_no_data_is_stale_data() -> None:
    verdict = assess_candles(SYMBOL, MINUTE, None, VenueTime(minutes(0), minutes(0)), LIMIT)
    assert not verdict.is_fresh
    assert "no candle stored yet" in verdict.reason


@pytest.mark.parametrize(
    ("seconds_after_open", "fresh", "says"),
    [
        (60, True, "due in 60 s"),  # just closed
        (120, True, "due in 0 s"),
        (150, True, "30 s ago, within the limit of 45 s"),
        (165, True, "45 s ago, within"),
        (166, False, "46 s ago, beyond"),
    ],
)
def test_lateness_counts_from_the_next_close(seconds_after_open: int, fresh: bool, says: str) -> None:
    now = minutes(seconds_after_open / 60)
    verdict = assess_candles(SYMBOL, MINUTE, minutes(0), VenueTime(now, now), LIMIT)
    assert verdict.is_fresh is fresh
    assert says in verdict.reason


@given(speed=st.floats(1, 100_000), late=st.floats(-100, 100))
def test_a_replay_is_judged_by_wall_seconds(speed: float, late: float) -> None:
    due = minutes(2)
    now = VenueTime(due + timedelta(seconds=late * speed), minutes(0), speed)
    verdict = assess_candles(SYMBOL, MINUTE, minutes(0), now, LIMIT)
    assert verdict.lateness_seconds == pytest.approx(late, abs=1e-6)


@given(older=st.integers(0, 100), newer=st.integers(0, 100))
def test_newer_data_is_never_less_fresh(older: int, newer: int) -> None:
    now = VenueTime(minutes(60), minutes(60))
    verdicts = [assess_candles(SYMBOL, MINUTE, minutes(age), now, LIMIT) for age in sorted((older, newer))]
    assert verdicts[0].is_fresh <= verdicts[1].is_fresh


def test_a_clock_that_stands_still_is_not_late_for_what_is_to_come() -> None:
    stands = VenueTime(minutes(1.5), minutes(500), speed=0)
    assert assess_candles(SYMBOL, MINUTE, minutes(0), stands, LIMIT).is_fresh
    # but what it has passed is late in its own seconds
    assert not assess_candles(SYMBOL, MINUTE, minutes(-5), stands, LIMIT).is_fresh
