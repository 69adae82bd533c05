"""Request weight, order counts, and what a client gets that goes on after 429."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.simulator.limits import LimitSettings, OrderLimiter, RequestLimiter
from trading_platform.simulator.wire_errors import WireError

MINUTE_MS = 60_000
START_MS = 1_700_000_040_000 // MINUTE_MS * MINUTE_MS
ADDRESS, ACCOUNT = "127.0.0.1", "main"


def refused(limiter: RequestLimiter, now_ms: int, weight: int = 1) -> WireError:
    with pytest.raises(WireError) as caught:
        limiter.admit(ADDRESS, weight, now_ms)
    return caught.value


@given(st.lists(st.integers(1, 400), max_size=60))
def test_admitted_weight_never_exceeds_the_limit(weights: list[int]) -> None:
    limiter = RequestLimiter(LimitSettings(refusals_before_ban=1_000))
    admitted = 0
    for weight in weights:
        if admitted + weight > 6_000:
            assert refused(limiter, START_MS, weight).http_status == 429
        else:
            limiter.admit(ADDRESS, weight, START_MS)
            admitted += weight
    assert limiter.used_weight(ADDRESS, START_MS) == admitted


def test_a_refusal_says_when_the_window_ends() -> None:
    limiter = RequestLimiter(LimitSettings(weight_per_minute=10))
    limiter.admit(ADDRESS, 10, START_MS)
    error = refused(limiter, START_MS + 15_000)
    assert (error.code, error.http_status, error.headers["Retry-After"]) == (-1003, 429, "45")


def test_the_next_window_is_free_again() -> None:
    limiter = RequestLimiter(LimitSettings(weight_per_minute=10))
    limiter.admit(ADDRESS, 10, START_MS)
    limiter.admit(ADDRESS, 10, START_MS + MINUTE_MS)
    assert limiter.used_weight(ADDRESS, START_MS + MINUTE_MS) == 10


def test_raw_requests_are_limited_too() -> None:
    limiter = RequestLimiter(LimitSettings(raw_requests_per_5_minutes=2))
    limiter.admit(ADDRESS, 1, START_MS)
    limiter.admit(ADDRESS, 1, START_MS)
    assert "Too many requests" in refused(limiter, START_MS).message


def test_going_on_after_429_bans_and_each_ban_is_longer() -> None:
    settings = LimitSettings(weight_per_minute=1, refusals_before_ban=2, first_ban_seconds=120, ban_growth=4)
    limiter = RequestLimiter(settings)
    now_ms, bans = START_MS, []
    for _ in range(2):
        limiter.admit(ADDRESS, 1, now_ms)
        statuses = [refused(limiter, now_ms).http_status for _ in range(3)]
        assert statuses == [429, 429, 418]
        bans.append(int(refused(limiter, now_ms).headers["Retry-After"]))
        now_ms += bans[-1] * 1_000
    assert bans == [120, 480]


def test_a_ban_holds_until_its_end_although_the_window_is_over() -> None:
    limiter = RequestLimiter(LimitSettings(weight_per_minute=1, refusals_before_ban=0, first_ban_seconds=120))
    limiter.admit(ADDRESS, 1, START_MS)
    assert refused(limiter, START_MS).http_status == 418
    assert refused(limiter, START_MS + 119_000).http_status == 418
    limiter.admit(ADDRESS, 1, START_MS + 120_000)


def test_other_addresses_have_their_own_weight() -> None:
    limiter = RequestLimiter(LimitSettings(weight_per_minute=1))
    limiter.admit(ADDRESS, 1, START_MS)
    limiter.admit("127.0.0.2", 1, START_MS)


def test_orders_count_until_their_first_fill() -> None:
    limiter = OrderLimiter(LimitSettings(orders_per_10_seconds=2))
    limiter.placed(ACCOUNT, 2, START_MS)
    with pytest.raises(WireError) as caught:
        limiter.check(ACCOUNT, 1, START_MS)
    assert (caught.value.code, caught.value.http_status) == (-1015, 429)
    limiter.first_fill(ACCOUNT, START_MS, maker=False)
    limiter.check(ACCOUNT, 1, START_MS)
    assert limiter.headers(ACCOUNT, START_MS) == {
        "X-MBX-ORDER-COUNT-10S": "1",
        "X-MBX-ORDER-COUNT-1D": "1",
    }


def test_fills_earn_no_credit_below_zero() -> None:
    limiter = OrderLimiter(LimitSettings())
    limiter.placed(ACCOUNT, 1, START_MS)
    limiter.first_fill(ACCOUNT, START_MS, maker=True)
    assert {entry["count"] for entry in limiter.wire(ACCOUNT, START_MS)} == {0}


def test_a_faster_market_may_be_asked_more_in_the_same_wall_time() -> None:
    scaled = LimitSettings().scaled(60)
    assert scaled.weight_rule().limit == 360_000
    assert [rule.limit for rule in scaled.order_rules()] == [6_000, 12_000_000]
    assert scaled.refusals_before_ban == LimitSettings().refusals_before_ban
