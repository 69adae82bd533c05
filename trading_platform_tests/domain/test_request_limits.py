"""No window of a venue's own is overrun, wherever it begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.request_limits import RequestLimit, used_by_the_venues_count

WINDOW = 60


@given(
    amount=st.integers(20, 6000),
    asked=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 10)), min_size=1, max_size=200),
    offset=st.floats(0, WINDOW),
)
def test_no_window_holds_more_than_the_limit(amount: int, asked: list[tuple[float, int]], offset: float) -> None:
    limit = RequestLimit.of_window("weight", amount, WINDOW)
    now, level, used = 0.0, 0.0, dict[int, int]()
    for pause, cost in asked:
        now += pause
        level = limit.level_after(level, pause)
        if limit.wait_seconds(level, cost, 1.0) == 0:
            level += cost
            window = int((now + offset) // WINDOW)
            used[window] = used.get(window, 0) + cost
    assert max(used.values(), default=0) <= amount


@given(level=st.floats(0, 100), cost=st.floats(0, 100), share=st.floats(0.1, 1))
def test_after_the_wait_it_fits(level: float, cost: float, share: float) -> None:
    limit = RequestLimit("weight", 100, 0.5)
    wait = limit.wait_seconds(level, cost, share)
    assert limit.wait_seconds(limit.level_after(level, wait + 1e-6), cost, share) == 0


def test_what_the_venue_has_left_is_all_that_may_go_at_once() -> None:
    limit = RequestLimit.of_window("weight", 6000, WINDOW)
    assert used_by_the_venues_count(limit, 5000, 0) == 2000
    assert used_by_the_venues_count(limit, 2000, 0) == 0
    assert used_by_the_venues_count(limit, 5000, 10) == 1500
    assert used_by_the_venues_count(limit, 10**9, 0) == 3000
