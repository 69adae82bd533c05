from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.venue_time import VenueTime
from trading_platform_tests.support.examples import minutes


@given(speed=st.floats(1, 100_000), wall=st.floats(-1000, 1000))
def test_wall_and_venue_seconds_are_each_others_inverse(speed: float, wall: float) -> None:
    now = VenueTime(minutes(0), minutes(0), speed)
    earlier = now.now - timedelta(seconds=now.venue_seconds(wall))
    assert now.wall_seconds_since(earlier) == pytest.approx(wall, abs=1e-5)


def test_during_wall_seconds_nothing_passes_on_a_clock_that_stands_still() -> None:
    now = VenueTime(minutes(0), minutes(0), speed=0)
    assert now.venue_seconds(100) == 0
    assert now.wall_seconds_since(minutes(1)) == -60
    assert now.wall_seconds_since(minutes(-1)) == 60
