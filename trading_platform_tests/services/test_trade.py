"""When a cycle is wanted, and what a cycle as a whole does."""

from __future__ import annotations

import pytest

from trading_platform.domain.strategies.base import Direction
from trading_platform.services.trade import work_waiting
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT
from trading_platform_tests.support.plain_settings import plain_settings


@pytest.fixture
def place() -> Workplace:
    return Workplace()


def _work(place: Workplace) -> str | None:
    return work_waiting(place.ledger, place.store, place.clock, place.settings)


def test_an_account_that_was_never_reconciled_is_work(place: Workplace) -> None:
    assert _work(place) == "balances to reconcile"

    place.trade()

    assert _work(place) is None


@pytest.mark.parametrize(("seconds", "work"), [(60.0, None), (60.1, "balances to reconcile")])
def test_balances_are_reconciled_every_minute(place: Workplace, seconds: float, work: str | None) -> None:
    place.trade()
    place.clock.advance(seconds)

    assert _work(place) == work


def test_an_open_signal_is_work_until_it_is_decided(place: Workplace) -> None:
    place.trade()
    place.says()
    assert _work(place) == "1 open signals"

    place.trade()

    assert _work(place) is None


def test_an_unsettled_order_is_work_until_it_is_settled(place: Workplace) -> None:
    place.says()
    place.broker.misbehave(Misbehaviour(lose_answer=True))
    place.trade()
    assert _work(place) == "1 orders to settle"

    place.trade()

    assert _work(place) is None


def test_a_run_that_died_leaves_its_work(place: Workplace) -> None:
    place.trade()
    place.says()
    place.broker.is_silent = True
    place.ledger.is_down = True
    with pytest.raises(Exception, match="can't be reached"):
        place.trade()
    place.ledger.is_down = place.broker.is_silent = False

    assert _work(place) == "1 open signals"


def test_round_trips_keep_the_books_equal_to_the_venues() -> None:
    place = Workplace(plain_settings(**QUICK, account_rules={"losses_to_pause": 100}))
    for trip in range(5):
        minute = CLOSE + 10 * trip
        place.says(minute)
        place.trade()
        place.later(300)
        place.says(minute + 5, Direction.SHORT)
        place.trade()
        place.later(300)

    assert len(place.broker.requests) == 10
    assert len({request.client_order_id for request in place.broker.requests}) == 10
    assert place.agrees_with_venue()
    assert place.reserved() == 0
    assert place.ledger.open_positions(ACCOUNT) == []
