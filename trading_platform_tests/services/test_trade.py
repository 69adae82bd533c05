"""When a cycle is wanted, and what a cycle as a whole does."""

from __future__ import annotations

import pytest

from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.decide import put_off
from trading_platform.services.open_positions import ENTRY
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


def _put_off(place: Workplace) -> Signal:
    """A signal that came while the venue's clock couldn't be read."""
    place.trade()
    said = place.says()
    place.feed.is_silent = True
    place.trade()
    assert place.reasons(said) == [ReasonCode.CLOCK_DRIFT]
    place.feed.is_silent = False
    return said


def test_a_signal_that_was_put_off_asks_again_after_a_while_and_not_back_to_back(place: Workplace) -> None:
    said = _put_off(place)
    assert _work(place) is None
    place.clock.advance(4.9)
    assert _work(place) is None
    place.clock.advance(0.1)
    assert _work(place) == "1 open signals"
    place.feed.is_silent = True
    place.trade()
    assert _work(place) is None

    place.feed.is_silent = False
    place.later(5)
    place.trade()
    assert place.reasons(said)[-1] is ReasonCode.APPROVED


def test_a_fresh_signal_asks_at_once_beside_one_that_was_put_off(place: Workplace) -> None:
    _put_off(place)
    place.says(CLOSE + 1, symbol="ETH/USDT")

    assert _work(place) == "1 open signals"


def test_a_stepped_replay_judges_what_was_put_off_after_each_candle() -> None:
    place = Workplace(plain_settings(**QUICK, replay={"folder": "a folder", "step": True}))
    _put_off(place)

    assert _work(place) == "1 open signals"


@pytest.mark.parametrize("reason", [ReasonCode.BALANCE_NOT_RECONCILED, ReasonCode.ORDER_IN_FLIGHT])
def test_what_waits_for_an_order_to_settle_is_judged_as_soon_as_it_has(place: Workplace, reason: ReasonCode) -> None:
    place.trade()
    said = place.says()
    put_off(place.desk(), said, ENTRY, reason, "not yet")

    assert _work(place) == "1 open signals"


def test_an_exit_is_never_put_off_but_by_a_closed_market(place: Workplace) -> None:
    place.buys()
    place.later(50)
    said = place.says(CLOSE + 1, Direction.SHORT)
    put_off(place.desk(), said, ENTRY, ReasonCode.INSUFFICIENT_FREE_BALANCE, "a balance that lags")
    assert _work(place) == "1 open signals"

    put_off(place.desk(), said, ENTRY, ReasonCode.MARKET_CLOSED, "closed")
    place.clock.advance(0.1)
    put_off(place.desk(), said, ENTRY, ReasonCode.MARKET_CLOSED, "closed")

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
