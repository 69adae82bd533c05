"""Entries within a bound of slippage, and as limit orders that are repriced within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.domain.errors import AskTheVenue
from trading_platform.domain.order import Order, OrderKind, OrderReport, OrderRequest, OrderStatus
from trading_platform.domain.order_book import BookLevel, OrderBook
from trading_platform.domain.order_machine import OrderEventKind, replay
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, Signal, client_order_id
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.broker import VenueBalance
from trading_platform.services.trade import work_waiting
from trading_platform_tests.fakes import FakeBroker
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, START, SYMBOL
from trading_platform_tests.support.plain_settings import plain_settings

ASK = Decimal(50000)
BID = Decimal(49999)


def limits(**execution: Any) -> Workplace:
    """A place whose entries are limit orders; the market is below no bid until a test moves it."""
    settings = {**QUICK, "execution": {**QUICK["execution"], "entry": "limit", **execution}}
    return Workplace(settings=plain_settings(**settings))


def leg(place: Workplace, said: Signal, number: int = 1) -> Order:
    found = place.ledger.order(client_order_id(said.signal_id, Leg(LegKind.ENTRY, number)))
    assert found is not None
    return found


def book_of(*asks: tuple[int, str]) -> OrderBook:
    levels = tuple(BookLevel(Decimal(price), Decimal(quantity)) for price, quantity in asks)
    return OrderBook(SYMBOL, (BookLevel(BID, Decimal(1)),), levels, START)


def test_a_market_entry_records_what_the_book_promised() -> None:
    place = Workplace()
    place.feed.books[SYMBOL] = book_of((50000, "0.0004"), (50010, "1"))
    said = place.says()
    place.trade()

    [approval] = place.decisions(said)
    assert approval.details["expected_price"] == "50002"
    assert approval.details["expected_slippage_bps"] == "0.40"


def test_another_symbol_is_bought_with_what_is_free_while_an_entry_rests() -> None:
    place = limits(limit_seconds=600)
    place.says()
    place.trade()
    for minute in (1, 3):
        place.later(60 if minute == 1 else 120)
        said = place.says(CLOSE + minute, symbol="ETH/USDT" if minute == 1 else "SOL/USDT")

        report = place.trade()

        assert report.reconciled
        assert len(report.entries) == 1
        assert place.reasons(said) == [ReasonCode.APPROVED]
    assert [order.lies_still for order in place.ledger.unsettled_orders(ACCOUNT)] == [True] * 3
    assert place.reserved() <= Decimal("84.54")
    place.trade()  # asks for the newest, and notes that
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_an_entry_that_fills_while_balances_are_read_is_booked_before_they_are_compared() -> None:
    place = limits(limit_seconds=600)
    said = place.says()
    place.trade()
    broker = _FillsUnderTheHand(place.clock, [], {}, {})
    broker.__dict__.update(vars(place.broker))
    place.broker = broker
    broker.resting = leg(place, said).client_order_id

    assert place.trade().reconciled

    assert leg(place, said).filled_quantity == Decimal("0.0002")
    assert place.agrees_with_venue()
    assert place.ledger.balance_differences(ACCOUNT) == []


class _FillsUnderTheHand(FakeBroker):
    """A venue that fills a part of an order just after it has told its balances."""

    resting = ""

    def balances(self) -> Mapping[str, VenueBalance]:
        told = super().balances()
        if self.resting:
            resting, self.resting = self.resting, ""
            self.fill_part(resting, Decimal("0.0002"))
        return told


def test_totals_below_what_rests_has_reserved_are_not_adopted() -> None:
    place = limits(limit_seconds=600, limit_offset_bps=0)
    place.says()
    place.trade()
    locked = place.broker.balances()["USDT"].locked
    place.broker.deposit(USDT=locked - Decimal("84.54"))
    assert place.reserved() > locked

    assert not place.trade().reconciled
    assert place.ledger.account(ACCOUNT).balances["USDT"].total == Decimal("84.54")


@pytest.mark.parametrize(
    ("book", "words"),
    [
        (book_of((50000, "0.0001"), (50400, "1")), "at most 50"),
        (book_of((50251, "1")), "at most 50"),
        (book_of((50000, "0.0004")), "hold less than"),
    ],
)
def test_a_market_entry_waits_for_a_book_that_is_deep_enough(book: OrderBook, words: str) -> None:
    place = Workplace()
    place.feed.books[SYMBOL] = book
    said = place.says()

    assert place.trade().entries == ()

    [waiting] = place.decisions(said)
    assert (waiting.reason, waiting.is_final) == (ReasonCode.SLIPPAGE, False)
    assert words in waiting.message
    del place.feed.books[SYMBOL]
    assert len(place.trade().entries) == 1


def test_the_bound_itself_is_allowed() -> None:
    place = Workplace()
    place.feed.books[SYMBOL] = book_of((50250, "1"))
    place.says()
    assert len(place.trade().entries) == 1


def test_an_entry_waits_for_a_book_that_can_be_read() -> None:
    place = Workplace()
    place.feed.silent_symbols.add(SYMBOL)
    said = place.says()

    assert place.trade().entries == ()
    assert place.reasons(said) == [ReasonCode.NO_FRESH_PRICE]


def test_an_exit_asks_no_book_and_records_its_slippage() -> None:
    place = Workplace()
    place.buys()
    place.feed.is_silent = True
    place.broker.prices[SYMBOL] = Decimal("49799.004")  # 40 bps below the bid
    said = place.says(CLOSE + 1, Direction.SHORT)

    assert len(place.trade().exits) == 1

    [exit_] = place.decisions(said)
    assert "40.0 bps below the bid of 49999" in exit_.message


def test_a_limit_entry_rests_at_the_bid_with_its_time_limit() -> None:
    place = limits()
    said = place.says()
    place.trade()

    resting = leg(place, said)
    assert (resting.kind, resting.limit_price, resting.status) == (OrderKind.LIMIT, BID, OrderStatus.OPEN)
    assert resting.expires_at is not None
    assert (resting.expires_at - place.clock.read().now).total_seconds() == 20
    assert place.reserved() == resting.quantity * BID * Decimal("1.001")
    assert place.is_open(said)

    place.broker.trade_at(SYMBOL, BID)
    place.trade()

    assert leg(place, said).status is OrderStatus.FILLED
    assert place.agrees_with_venue()
    assert place.reserved() == 0
    assert not place.is_open(said)
    assert place.reasons(said) == [ReasonCode.APPROVED]
    assert len(place.broker.requests) == 1


def test_a_resting_entry_is_no_work_until_it_is_due() -> None:
    place = limits(resting_poll_seconds=15.0)
    place.says()
    place.trade()
    place.trade()  # asks for it, and notes that

    def work() -> str | None:
        return work_waiting(place.ledger, place.store, place.clock, place.settings)

    assert work() is None
    place.later(15)
    assert work() == "1 orders to settle"
    place.trade()
    assert work() is None
    place.later(5)
    assert work() == "1 orders to settle", "its time is up"


def test_two_strategies_of_one_run_dont_buy_the_same_symbol_side_by_side() -> None:
    place = limits()
    first, second = place.says(), place.says(strategy="mean_reversion")
    place.trade()

    assert len(place.ledger.unsettled_orders(ACCOUNT)) == 1
    waiting = next(said for said in (first, second) if place.reasons(said) == [ReasonCode.ORDER_IN_FLIGHT])
    assert place.is_open(waiting)


def test_an_entry_is_repriced_within_bounds_and_given_up() -> None:
    place = limits(most_reprice_bps="20")
    said = place.says()
    place.trade()

    for number, (bid, price) in enumerate([("50049", "50049"), ("50199", "50098.99")], start=2):
        place.clock.advance(20)
        place.refresh({SYMBOL: Decimal(bid) + 1})
        place.broker.prices[SYMBOL] = Decimal(bid) + 1
        place.trade()
        assert leg(place, said, number - 1).status is OrderStatus.CANCELLED
        assert leg(place, said, number).limit_price == Decimal(price), "20 bps above the first at the most"
    place.clock.advance(20)
    place.refresh({SYMBOL: Decimal(50200)})
    place.trade()

    assert leg(place, said, 3).status is OrderStatus.CANCELLED
    assert not place.is_open(said)
    assert place.reasons(said)[-1] is ReasonCode.NOT_FILLED
    assert place.reserved() == 0
    assert len(place.broker.requests) == 3
    kinds = [event.kind for event in place.ledger.order_events(leg(place, said).client_order_id)]
    assert kinds[-3:] == [OrderEventKind.CANCEL_REQUESTED, OrderEventKind.CANCELLED, OrderEventKind.REPRICED]
    for number in (1, 2, 3):
        order = leg(place, said, number)
        assert replay(order, place.ledger.order_events(order.client_order_id)) == replace(order, asked_at=None)


def test_what_the_last_limit_order_left_may_cross_as_a_market_order() -> None:
    place = limits(most_reprices=0, limit_then="market")
    said = place.says()
    place.trade()
    place.later(20)
    place.trade()

    last = leg(place, said, 2)
    assert (last.kind, last.status) == (OrderKind.MARKET, OrderStatus.FILLED)
    assert last.quantity == leg(place, said).quantity
    assert not place.is_open(said)
    assert place.agrees_with_venue()


def test_only_what_is_lacking_is_asked_for_again() -> None:
    place = limits()
    said = place.says()
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.5")))
    place.broker.prices[SYMBOL] = BID  # the limit is reached at once, and half is there
    place.trade()
    first = leg(place, said)
    assert first.status is OrderStatus.PARTIALLY_FILLED
    [position] = place.ledger.open_positions(ACCOUNT)
    assert position.bought_quantity == first.filled_quantity

    place.later(20)
    place.trade()

    first, second = leg(place, said), leg(place, said, 2)
    assert first.status is OrderStatus.CANCELLED
    assert second.quantity == first.quantity - first.filled_quantity
    assert second.status is OrderStatus.FILLED
    assert place.agrees_with_venue()
    assert place.reasons(said) == [ReasonCode.APPROVED, ReasonCode.APPROVED]


@pytest.mark.parametrize("filled", ["0", "0.0003"])
def test_an_entry_that_the_owner_cancels_at_the_venue_isnt_sent_again(filled: str) -> None:
    place = limits()
    said = place.says()
    place.trade()
    if Decimal(filled):
        place.broker.fill_part(leg(place, said).client_order_id, Decimal(filled))
    place.broker.cancel(SYMBOL, leg(place, said).client_order_id)
    place.later(5)
    place.trade()

    assert leg(place, said).status is OrderStatus.CANCELLED
    assert place.ledger.unsettled_orders(ACCOUNT) == []
    assert not place.is_open(said)


def test_the_rest_isnt_bought_once_the_position_is_closed() -> None:
    settings = {**QUICK, "execution": {**QUICK["execution"], "entry": "limit"}, "risk": {"cooldown_seconds": 0}}
    place = Workplace(settings=plain_settings(**{**settings, "protection": {"trailing": False}}))
    said = place.says()
    place.trade()
    place.broker.fill_part(leg(place, said).client_order_id, Decimal("0.0003"))
    place.trade()
    place.broker.trade_at(SYMBOL, Decimal(60000))  # the target is hit while the rest of the entry still waits
    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []

    place.later(20)
    place.trade()

    assert leg(place, said).status is OrderStatus.CANCELLED
    assert place.ledger.unsettled_orders(ACCOUNT) == []
    assert place.reasons(said)[-1] is ReasonCode.NO_POSITION
    assert not place.is_open(said)


def test_the_rest_is_bounded_by_what_the_accounts_limits_leave_by_then() -> None:
    settings = {**QUICK, "execution": {**QUICK["execution"], "entry": "limit"}}
    place = Workplace(settings=plain_settings(**settings), start_with={"USDT": Decimal(1000)})
    said = place.says()
    place.trade()
    first = leg(place, said)
    place.broker.fill_part(first.client_order_id, Decimal("0.0003"))
    held = Decimal("0.0003") * BID
    tight = {**settings, "limits": {"max_symbol_exposure": str((held + 20) / 1000)}}
    place.settings = plain_settings(**tight)

    place.later(20)
    place.trade()

    rest = leg(place, said, 2)
    assert first.quantity - Decimal("0.0003") > rest.quantity
    assert rest.quantity * BID <= 20


def test_a_rest_below_the_minimum_ends_the_entry_with_what_there_is() -> None:
    place = limits()
    said = place.says()
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.9")))
    place.broker.prices[SYMBOL] = BID
    place.trade()
    place.later(20)
    place.trade()

    assert place.reasons(said)[-1] is ReasonCode.BELOW_EXCHANGE_MINIMUM
    assert len(place.broker.requests) == 1
    assert place.reserved() == 0
    assert len(place.ledger.open_positions(ACCOUNT)) == 1


def test_a_fill_that_comes_while_it_is_cancelled_is_booked() -> None:
    place = limits()
    said = place.says()
    place.trade()
    place.broker.trade_at(SYMBOL, BID)
    place.later(21)
    place.trade()

    assert leg(place, said).status is OrderStatus.FILLED
    assert len(place.broker.requests) == 1
    assert place.agrees_with_venue()


class _LosesCancels(FakeBroker):
    """Cancels, and loses the answer."""

    lost = 0

    def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        super().cancel(symbol, client_order_id)
        self.lost += 1
        raise AskTheVenue("the answer was lost")


def test_a_lost_cancel_is_asked_for_before_anything_follows() -> None:
    place = limits()
    place = Workplace(settings=place.settings, broker_type=_LosesCancels)
    said = place.says()
    place.trade()
    place.later(20)
    assert place.trade().entries == ()
    assert leg(place, said).status is OrderStatus.OPEN, "not known yet"
    place.later(1)

    [second] = place.trade().entries

    assert leg(place, said).status is OrderStatus.CANCELLED
    assert leg(place, said, 2).client_order_id == second
    assert isinstance(place.broker, _LosesCancels)
    assert place.broker.lost == 1


@pytest.mark.parametrize("direction", Direction)
def test_a_newer_verdict_cancels_a_resting_entry(direction: Direction) -> None:
    place = limits()
    said = place.says()
    place.trade()
    newer = place.says(CLOSE + 1, direction)
    place.later(1)
    place.trade()

    first = leg(place, said)
    assert (first.status, first.cancel_requested_at) == (OrderStatus.CANCELLED, place.clock.wall())
    assert not place.is_open(said)
    if direction is Direction.SHORT:
        assert place.ledger.open_signals(ACCOUNT) == []
        assert place.reserved() == 0
    else:
        assert leg(place, newer).status is OrderStatus.OPEN


def test_an_exit_does_not_wait_for_the_rest_of_its_entry() -> None:
    place = limits()
    said = place.says()
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.5")))
    place.broker.prices[SYMBOL] = BID
    place.trade()
    assert leg(place, said).status is OrderStatus.PARTIALLY_FILLED
    place.says(CLOSE + 1, Direction.SHORT)

    assert len(place.trade().exits) == 1

    assert leg(place, said).status is OrderStatus.CANCELLED
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.agrees_with_venue()


class _Frozen(FakeBroker):
    """Takes no order."""

    def submit(self, request: OrderRequest) -> OrderReport:
        raise AssertionError(f"{request.client_order_id} was sent")


def test_a_limit_price_above_what_the_account_has_reserves_nothing() -> None:
    place = Workplace(settings=limits().settings, broker_type=_Frozen, start_with={"USDT": Decimal("9")})
    said = place.says()
    place.trade()
    assert place.reasons(said) == [ReasonCode.INSUFFICIENT_FREE_BALANCE]
