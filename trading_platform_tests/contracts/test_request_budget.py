"""What every budget of requests does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from trading_platform.domain.request_limits import Charge, RequestLimit
from trading_platform.ports.request_budget import RequestBudget

VENUE = "the venue"
SLOW = RequestLimit("weight", 100, 0.001)
"""Leaks so slowly that a test doesn't see it."""


def taken(budget: RequestBudget, cost: float, share: float = 1.0, limit: RequestLimit = SLOW) -> bool:
    return budget.take(VENUE, [Charge(limit, cost)], share) == 0


def test_as_much_goes_as_the_limit_allows(budget: RequestBudget) -> None:
    assert taken(budget, 60)
    assert taken(budget, 40)
    assert not taken(budget, 2)


def test_who_is_refused_is_told_how_long_to_wait(budget: RequestBudget) -> None:
    limit = RequestLimit("orders", 100, 0.5)
    taken(budget, 100, limit=limit)
    assert 15 < budget.take(VENUE, [Charge(limit, 10)], 1.0) <= 20


def test_a_share_leaves_the_rest_to_others(budget: RequestBudget) -> None:
    assert taken(budget, 80, share=0.8)
    assert not taken(budget, 2, share=0.8)
    assert taken(budget, 20)


def test_all_or_nothing(budget: RequestBudget) -> None:
    other = RequestLimit("orders", 1, 0.001)
    assert budget.take(VENUE, [Charge(SLOW, 10), Charge(other, 1)], 1.0) == 0
    assert budget.take(VENUE, [Charge(SLOW, 10), Charge(other, 1)], 1.0) > 0
    assert taken(budget, 90)


def test_what_is_larger_than_the_limit_goes_when_nothing_else_has(budget: RequestBudget) -> None:
    assert taken(budget, 150)
    assert not taken(budget, 1)


def test_the_venues_own_count_only_raises_ours(budget: RequestBudget) -> None:
    assert budget.take(VENUE, [Charge(SLOW, 1, at_least=90)], 1.0) == 0
    assert not taken(budget, 10)
    assert budget.take(VENUE, [Charge(SLOW, 5, at_least=3)], 1.0) == 0
    assert not taken(budget, 5)


def test_venues_are_apart(budget: RequestBudget) -> None:
    assert taken(budget, 100)
    assert budget.take("another venue", [Charge(SLOW, 100)], 1.0) == 0


def test_a_silence_is_kept_and_only_grows(budget: RequestBudget) -> None:
    budget.silence(VENUE, 90)
    budget.silence(VENUE, 20)
    assert 80 < budget.take(VENUE, [Charge(SLOW, 1)], 1.0) <= 90
    assert budget.take("another venue", [Charge(SLOW, 1)], 1.0) == 0


def test_nobody_overdraws_however_many_take_at_once(budget: RequestBudget) -> None:
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: taken(budget, 1), range(160)))
    assert sum(got) == 100
