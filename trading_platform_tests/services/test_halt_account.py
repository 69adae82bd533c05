"""The kill switch: pulled by the owner or by drawdown, it stops entries at once and outlasts everything but resume."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.halt import DRAWDOWN_RULE
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order, OrderStatus
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.ledger import Decision
from trading_platform.services.halt_account import halt_account, resume_account
from trading_platform.services.protect_account import protect_account
from trading_platform.services.summarise_account import what_stops_buying
from trading_platform.services.trade import work_waiting
from trading_platform.services.watch_account import watch_account
from trading_platform_tests.fakes import FakeClock, FakeLedger
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, START, SYMBOL
from trading_platform_tests.support.plain_settings import plain_settings

ETH = "ETH/USDT"


@pytest.fixture
def place() -> Workplace:
    return Workplace()


def halt(place: Workplace, *, flatten: bool = False) -> None:
    halt_account(place.ledger, place.clock, ACCOUNT, "a look at it", flatten=flatten)


def resume(place: Workplace) -> bool:
    return resume_account(place.ledger, place.clock, ACCOUNT, "looks well") is not None


def protect(place: Workplace) -> Any:
    return protect_account(place.ledger, place.store, place.clock, place.settings)


def price(place: Workplace, last: str, bid: str | None = None, symbol: str = SYMBOL) -> None:
    place.broker.prices[symbol] = Decimal(last)
    place.clock.advance(1)
    now = place.clock.read()
    worth = Decimal(bid or last)
    place.store.write_tickers([Ticker(symbol, worth, Decimal(last), Decimal(last), now.now, now.wall)])


def test_a_halted_account_buys_nothing_and_the_decision_says_why(place: Workplace) -> None:
    halt(place)
    said = place.says()

    assert place.trade().entries == ()

    assert place.reasons(said) == [ReasonCode.HALTED]
    assert "a look at it" in place.decisions(said)[0].message
    assert what_stops_buying(place.ledger, place.settings) != []
    assert resume(place)
    place.says(CLOSE + 1)
    place.later(60)
    assert len(place.trade().entries) == 1


class _HaltedAfterReserving(FakeLedger):
    """The owner pulls the switch at the very moment at which an order is reserved, and not yet sent."""

    def reserve(self, order: Order, decision: Decision, *, replaces: str | None = None) -> None:
        super().reserve(order, decision, replaces=replaces)
        if self.halt_in_force(ACCOUNT) is None:
            halt_account(self, FakeClock(decision.decided_at), ACCOUNT, "a look at it", flatten=False)


def test_a_halt_between_reservation_and_sending_keeps_the_entry_from_leaving() -> None:
    place = Workplace(ledger=_HaltedAfterReserving())
    said = place.says()

    assert len(place.trade().entries) == 1

    assert place.broker.requests == []
    assert place.reserved() == 0
    assert place.reasons(said) == [ReasonCode.APPROVED, ReasonCode.HALTED]
    assert "a look at it" in place.decisions(said)[-1].message
    assert not place.is_open(said)
    [order] = place.ledger.recent_orders(ACCOUNT, 9)
    assert (order.status, order.submitted_at) == (OrderStatus.REJECTED, None)
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_a_halt_between_reservation_and_sending_lets_an_exit_leave() -> None:
    place = Workplace()
    place.buys()
    place.ledger.__class__ = _HaltedAfterReserving
    place.says(CLOSE + 1, Direction.SHORT)
    place.later(60)

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


def test_exits_go_on_while_halted(place: Workplace) -> None:
    place.buys()
    halt(place)
    place.says(CLOSE + 1, Direction.SHORT)
    place.later(60)

    assert len(place.trade().exits) == 1


def test_resuming_what_is_not_halted_does_nothing(place: Workplace) -> None:
    assert not resume(place)


class _Unreachable(FakeClock):
    def read(self) -> VenueTime:
        raise RetryLater("the venue doesn't answer")


def test_the_switch_works_while_the_venue_is_silent(place: Workplace) -> None:
    place.trade()
    in_force = halt_account(place.ledger, _Unreachable(START), ACCOUNT, "the venue is strange")
    assert in_force.venue_time == place.ledger.account(ACCOUNT).reconciled_venue_time
    ended = resume_account(place.ledger, _Unreachable(START), ACCOUNT, "looks well")
    assert ended is not None
    assert place.ledger.halt_in_force(ACCOUNT) is None


# flatten
def test_flatten_sells_everything_through_the_exit_path(place: Workplace) -> None:
    place.buys()
    place.buys(ETH, strategy="mean_reversion")
    halt(place, flatten=True)
    assert str(work_waiting(place.ledger, place.store, place.clock, place.settings)).startswith("exits due")

    assert len(place.trade().exits) == 2

    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.agrees_with_venue()
    assert place.reserved() == 0
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_a_flattening_exit_that_fails_is_tried_again(place: Workplace) -> None:
    place.buys()
    halt(place, flatten=True)
    place.broker.misbehave(Misbehaviour(reject_code="-1013"), Misbehaviour(lose_answer=True))
    for _ in range(4):
        place.trade()
        place.later(5)

    assert place.ledger.open_positions(ACCOUNT) == []
    sold = [request for request in place.broker.requests if request.side == "sell"]
    assert len({request.client_order_id for request in sold}) == len(sold) == 2
    assert place.agrees_with_venue()


def test_a_newer_buy_signal_does_not_stop_the_flattening(place: Workplace) -> None:
    place.buys()
    halt(place, flatten=True)
    place.says(CLOSE + 1)
    place.later(60)

    assert len(place.trade().exits) == 1


def test_after_a_resume_nothing_is_flattened_any_more(place: Workplace) -> None:
    place.buys()
    halt(place, flatten=True)
    resume(place)

    assert place.trade().exits == ()
    assert len(place.ledger.open_positions(ACCOUNT)) == 1


def test_a_flattening_that_failed_is_over_when_the_account_is_resumed(place: Workplace) -> None:
    place.buys()
    halt(place, flatten=True)
    place.broker.misbehave(Misbehaviour(not_placed=True))
    place.trade()
    resume(place)
    place.later(61)

    for _ in range(2):
        assert place.trade().exits == ()

    assert len(place.ledger.open_positions(ACCOUNT)) == 1
    assert place.ledger.open_signals(ACCOUNT) == []
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_a_flattening_that_was_never_sent_is_over_when_the_account_is_resumed() -> None:
    place = Workplace(settings=plain_settings(**{**QUICK, "protection": {"trailing": False}}))
    place.buys()
    halt(place, flatten=True)
    place.broker.misbehave_at_cancels(Misbehaviour(not_placed=True))
    place.trade()
    resume(place)
    place.later(61)

    for _ in range(2):
        assert place.trade().exits == ()

    assert len(place.ledger.open_positions(ACCOUNT)) == 1
    assert place.ledger.open_signals(ACCOUNT) == []
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_the_strategys_own_word_to_sell_outlasts_a_halt(place: Workplace) -> None:
    place.buys()
    place.says(CLOSE + 1, Direction.SHORT)
    halt(place, flatten=True)
    place.broker.misbehave(Misbehaviour(not_placed=True))
    place.trade()
    resume(place)
    place.later(61)

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


def test_a_position_bought_after_a_flattening_is_kept(place: Workplace) -> None:
    place.buys()
    halt(place, flatten=True)
    place.trade()
    resume(place)
    place.later(360)
    place.buys(minute=CLOSE + 6)
    place.later(1)

    assert place.trade().exits == ()


def test_a_flattening_halt_promises_no_sale_of_what_isnt_held(place: Workplace) -> None:
    halt(place, flatten=True)
    in_force = place.ledger.halt_in_force(ACCOUNT)
    assert in_force is not None
    assert in_force.told.endswith("a look at it; whatever is held is sold")


# drawdown
def test_a_halt_cancels_the_entries_that_rest_at_once() -> None:
    place = Workplace(settings=plain_settings(**{**QUICK, "execution": {**QUICK["execution"], "entry": "limit"}}))
    said = place.says()
    place.trade()
    place.trade()  # asks for it, and notes that
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None

    halt(place)

    assert work_waiting(place.ledger, place.store, place.clock, place.settings) == "entries to cancel"
    place.trade()
    assert place.broker.open_orders([SYMBOL]) == []
    assert place.reserved() == 0
    assert not place.is_open(said)
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_flattening_doesnt_wait_for_the_rest_of_an_entry() -> None:
    place = Workplace(settings=plain_settings(**{**QUICK, "execution": {**QUICK["execution"], "entry": "limit"}}))
    place.says()
    place.trade()
    [entry] = place.ledger.unsettled_orders(ACCOUNT)
    place.broker.fill_part(entry.client_order_id, Decimal("0.0003"))
    halt(place, flatten=True)

    place.trade()

    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.broker.open_orders([SYMBOL]) == []


def test_drawdown_pulls_the_switch_and_it_stays(place: Workplace) -> None:
    place.buys()
    protect(place)
    price(place, "15000")

    halted = protect(place)

    assert (halted.by, halted.flatten) == (DRAWDOWN_RULE, False)
    price(place, "90000")
    assert protect(place) == halted == place.ledger.halt_in_force(ACCOUNT)


def test_the_course_of_the_worth_begins_before_the_first_trade() -> None:
    place = Workplace()
    place.says()
    assert place.trade().entries
    [first] = place.ledger.equity_history(ACCOUNT, 9)
    assert (first.cash_quote, first.positions_quote) == (Decimal("84.54"), 0)
    place.later(120)
    place.trade()
    assert place.ledger.equity_history(ACCOUNT, 9) == [first]  # the asset `equity` goes on from here


def test_drawdown_is_measured_anew_after_a_resume(place: Workplace) -> None:
    place.buys()
    protect(place)
    price(place, "15000")
    protect(place)
    resume(place)

    assert protect(place) is None
    marks = place.ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert marks.drawdown_of(marks.last_quote) == 0


def test_a_trade_cycle_pulls_the_switch_before_it_buys(place: Workplace) -> None:
    place.buys()
    protect(place)
    price(place, "15000")
    said = place.says(symbol=ETH)

    assert place.trade().entries == ()

    assert place.reasons(said) == [ReasonCode.HALTED]


def test_drawdown_can_flatten() -> None:
    place = Workplace(plain_settings(**QUICK, account_rules={"drawdown_flattens": True}))
    place.buys()
    protect(place)
    price(place, "15000")

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


@pytest.mark.parametrize(("last", "bid"), [("50000", "15000"), ("50000", "99000")])
def test_one_odd_bid_is_neither_loss_nor_peak(place: Workplace, last: str, bid: str) -> None:
    place.buys()
    protect(place)
    before = place.ledger.equity_marks(ACCOUNT)
    price(place, last, bid)

    assert protect(place) is None
    assert place.ledger.equity_marks(ACCOUNT) == before


def test_an_old_price_marks_nothing(place: Workplace) -> None:
    place.buys()
    protect(place)
    before = place.ledger.equity_marks(ACCOUNT)
    price(place, "15000")
    place.clock.advance(46)

    assert protect(place) is None
    assert place.ledger.equity_marks(ACCOUNT) == before


def test_a_withdrawal_is_no_drawdown(place: Workplace) -> None:
    place.trade()
    protect(place)
    place.broker.deposit(USDT=Decimal(-70))
    place.later(61)
    place.trade()

    assert protect(place) is None
    marks = place.ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert marks.drawdown_of(Decimal("14.54")) == 0


# telling
def test_a_halt_is_told_once_and_so_is_its_end(place: Workplace) -> None:
    def watch() -> bool:
        return watch_account(place.ledger, place.journal, place.clock, ACCOUNT)

    assert watch()
    halt(place)
    assert not watch()
    assert not watch()
    assert [incident.key for incident in place.journal.open_incidents()] == ["halt"]
    resume(place)
    assert watch()
    assert [each.title for each in place.journal.undelivered(9)] == ["Trading is halted", "Trading goes on"]
