"""The shared budget out of reach: each process keeps to a part that is safe if all do so."""

from __future__ import annotations

import pytest

from trading_platform.adapters.local_request_budget import PROCESSES, FailSafeRequestBudget
from trading_platform.domain.request_limits import Charge, RequestLimit
from trading_platform_tests.fakes import FakeRequestBudget

LIMIT = RequestLimit("weight", 800, 0.001)


@pytest.fixture
def shared() -> FakeRequestBudget:
    return FakeRequestBudget()


def how_many(budget: FailSafeRequestBudget, cost: float) -> int:
    number = 0
    while budget.take("venue", [Charge(LIMIT, cost)], 1.0) == 0:
        number += 1
    return number


def test_within_reach_it_is_the_shared_one_that_counts(shared: FakeRequestBudget) -> None:
    one, other = (FailSafeRequestBudget(shared, lambda: shared.seconds) for _ in range(2))
    assert how_many(one, 100) == 8
    assert how_many(other, 100) == 0


def test_out_of_reach_all_together_stay_within_the_limit(shared: FakeRequestBudget) -> None:
    shared.is_down = True
    alone = [FailSafeRequestBudget(shared, lambda: shared.seconds) for _ in range(PROCESSES)]
    assert sum(how_many(budget, 10) for budget in alone) * 10 == LIMIT.burst


def test_it_is_not_asked_at_every_request_while_it_is_down(shared: FakeRequestBudget) -> None:
    budget = FailSafeRequestBudget(shared, lambda: shared.seconds)
    shared.is_down = True
    assert budget.take("venue", [Charge(LIMIT, 1)], 1.0) == 0
    shared.is_down = False
    budget.take("venue", [Charge(LIMIT, 1)], 1.0)
    assert shared.taken == []
    shared.seconds += 5
    budget.take("venue", [Charge(LIMIT, 1)], 1.0)
    assert len(shared.taken) == 1


def test_a_silence_is_kept_whoever_can_be_told(shared: FakeRequestBudget) -> None:
    budget = FailSafeRequestBudget(shared, lambda: shared.seconds)
    shared.is_down = True
    budget.silence("venue", 30)
    assert budget.take("venue", [Charge(LIMIT, 1)], 1.0) == 30
