"""What every ledger does with a stop and its target: their base is held once, and released once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from trading_platform.domain.errors import AlreadyDone, InsufficientFree
from trading_platform.domain.order import Order, OrderKind, OrderStatus, Side
from trading_platform.domain.signal import Leg, LegKind, order_list_id
from trading_platform.ports.ledger import AssetBalance, Ledger
from trading_platform_tests.support.examples import (
    ACCOUNT,
    START,
    SYMBOL,
    decision,
    fill,
    instrument,
    minutes,
    order,
    report,
    signal,
)

HELD = Decimal("0.001")
PAIR = instrument()
SIGNAL = signal()


@pytest.fixture
def held(ledger: Ledger) -> Ledger:
    """A ledger with a position of 0.001 BTC and 50 USDT."""
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": Decimal(100)}, at_revision=0, at=START)
    ledger.record_signals([SIGNAL], START)
    entry = order(SIGNAL, "51")
    ledger.reserve(entry, decision(SIGNAL))
    ledger.mark_submitted(entry.client_order_id, START)
    ledger.book(report(entry, OrderStatus.FILLED, fill("entry", HELD)), PAIR, START)
    return ledger


def _pair(attempt: int = 1, quantity: Decimal = HELD) -> list[Order]:
    list_id = order_list_id(SIGNAL.signal_id, attempt)
    stop = order(SIGNAL, quantity, side=Side.SELL, quantity=quantity, leg=Leg(LegKind.STOP, attempt), at=minutes(1))
    target = order(SIGNAL, "0", side=Side.SELL, quantity=quantity, leg=Leg(LegKind.TARGET, attempt), at=minutes(1))
    return [
        replace(stop, kind=OrderKind.STOP_LOSS, stop_price=Decimal(49000), list_id=list_id),
        replace(target, kind=OrderKind.TAKE_PROFIT, limit_price=Decimal(52000), list_id=list_id),
    ]


def _reserve(ledger: Ledger, orders: Sequence[Order]) -> None:
    ledger.reserve_list(orders, decision(SIGNAL, Leg.parse(orders[0].leg), is_final=False))


def _resting(ledger: Ledger) -> list[Order]:
    pair = _pair()
    _reserve(ledger, pair)
    for each in pair:
        ledger.mark_submitted(each.client_order_id, minutes(1))
        ledger.book(report(each, OrderStatus.OPEN), PAIR, minutes(1))
    return pair


def _base(ledger: Ledger) -> AssetBalance:
    return ledger.account(ACCOUNT).balances["BTC"]


def test_a_list_holds_its_base_once(held: Ledger) -> None:
    _reserve(held, _pair())
    assert _base(held) == AssetBalance(HELD, HELD)
    assert [o.leg for o in held.unsettled_orders(ACCOUNT)].count("stop") == 1
    assert held.account(ACCOUNT).orders_in_flight == 2


def test_what_rests_untouched_is_not_in_flight(held: Ledger) -> None:
    stop, _ = _resting(held)
    state = held.account(ACCOUNT)
    assert state.orders_in_flight == 0
    assert held.reconcile(ACCOUNT, {"USDT": Decimal(50), "BTC": HELD}, at_revision=state.revision, at=minutes(2))
    held.request_cancel(stop.client_order_id, "an exit", minutes(2))
    assert held.account(ACCOUNT).orders_in_flight == 1


def test_no_total_below_what_rests_is_adopted(held: Ledger) -> None:
    _resting(held)
    before = held.account(ACCOUNT)
    less = {"USDT": Decimal(50), "BTC": HELD - Decimal("1E-8")}

    assert not held.reconcile(ACCOUNT, less, at_revision=before.revision, at=minutes(2))
    assert held.account(ACCOUNT) == before


def test_an_entry_at_its_limit_is_in_flight_only_until_it_rests(held: Ledger) -> None:
    about = signal(9)
    entry = replace(order(about, "10", quantity="0.0002"), kind=OrderKind.LIMIT, limit_price=Decimal(40000))
    held.record_signals([about], START)
    held.reserve(entry, decision(about))
    held.mark_submitted(entry.client_order_id, minutes(1))
    assert held.account(ACCOUNT).orders_in_flight == 1
    for some in ([], [fill("part", "0.0001", "40000")]):
        status = OrderStatus.PARTIALLY_FILLED if some else OrderStatus.OPEN
        after = held.book(report(entry, status, *some), PAIR, minutes(1))
        assert after.lies_still
        state = held.account(ACCOUNT)
        assert state.orders_in_flight == 0
        totals = {asset: balance.total for asset, balance in state.balances.items()}
        assert held.reconcile(ACCOUNT, totals, at_revision=state.revision, at=minutes(2))
        assert held.account(ACCOUNT).balances["USDT"].reserved == state.balances["USDT"].reserved > 0
    held.request_cancel(entry.client_order_id, "a halt", minutes(2))
    assert held.account(ACCOUNT).orders_in_flight == 1


@pytest.mark.parametrize("order_of_booking", list(permutations((0, 1))))
@pytest.mark.parametrize("hit", [0, 1])
def test_a_hit_settles_the_list_once_whichever_is_booked_first(
    held: Ledger, hit: int, order_of_booking: Sequence[int]
) -> None:
    pair = _resting(held)
    reports = [report(each, OrderStatus.EXPIRED) for each in pair]
    reports[hit] = report(pair[hit], OrderStatus.FILLED, fill("hit", HELD, "49000", at=minutes(3)))
    for index in order_of_booking:
        held.book(reports[index], PAIR, minutes(3))
        assert _base(held).reserved <= _base(held).total
    assert _base(held) == AssetBalance(Decimal(0), Decimal(0))
    assert held.account(ACCOUNT).balances["USDT"].total == 99
    assert held.open_positions(ACCOUNT) == []
    for each in reports:
        held.book(each, PAIR, minutes(4))  # again: nothing new
    assert held.account(ACCOUNT).balances["USDT"].total == 99


def test_the_one_that_lives_longer_keeps_what_is_held(held: Ledger) -> None:
    stop, target = _resting(held)
    held.book(report(stop, OrderStatus.EXPIRED), PAIR, minutes(2))
    assert _base(held) == AssetBalance(HELD, HELD)
    held.book(report(target, OrderStatus.PARTIALLY_FILLED, fill("part", "0.0004", "52000")), PAIR, minutes(3))
    assert _base(held) == AssetBalance(Decimal("0.0006"), Decimal("0.0006"))
    assert held.account(ACCOUNT).orders_in_flight == 1
    held.book(report(target, OrderStatus.CANCELLED, fill("part", "0.0004", "52000")), PAIR, minutes(4))
    assert _base(held) == AssetBalance(Decimal("0.0006"), Decimal(0))


@pytest.mark.parametrize("order_of_closing", list(permutations((0, 1))))
def test_a_refused_list_releases_its_base_with_the_last_of_the_two(
    held: Ledger, order_of_closing: Sequence[int]
) -> None:
    pair = _pair()
    _reserve(held, pair)
    first, last = (pair[index] for index in order_of_closing)
    held.close_unfilled(first.client_order_id, rejected=True, why="refused", code="-1013", at=minutes(1))
    assert _base(held).reserved == HELD
    held.close_unfilled(last.client_order_id, rejected=True, why="refused", code="-1013", at=minutes(1))
    assert _base(held).reserved == 0
    _reserve(held, _pair(2))
    assert _base(held).reserved == HELD


def test_there_are_never_two_stops_at_work_on_a_symbol(held: Ledger) -> None:
    half = HELD / 2
    _reserve(held, _pair(1, half))
    with pytest.raises(AlreadyDone):
        _reserve(held, _pair(2, half))
    with pytest.raises(AlreadyDone):
        _reserve(held, _pair(1, half))
    assert _base(held).reserved == half
    assert len(held.unsettled_orders(ACCOUNT)) == 2


def test_a_list_beyond_what_is_held_is_refused_as_a_whole(held: Ledger) -> None:
    with pytest.raises(InsufficientFree):
        _reserve(held, _pair(1, HELD * 2))
    assert held.unsettled_orders(ACCOUNT) == []
    assert _base(held).reserved == 0


def test_a_position_knows_the_signal_that_opened_it(held: Ledger) -> None:
    [position] = held.open_positions(ACCOUNT)
    held.record_signals([signal(5)], minutes(5))
    assert held.entry_signal(position) == SIGNAL
    assert held.entry_signal(replace(position, symbol="ETH/USDT")) is None
    assert held.entry_signal(replace(position, entry_candle_close=minutes(9))) is None


def test_a_signals_orders_tell_its_legs(held: Ledger) -> None:
    _resting(held)
    assert {o.leg for o in held.orders_of_signal(ACCOUNT, SIGNAL.signal_id)} == {"entry", "stop", "target"}
    assert held.exit_legs(ACCOUNT, SIGNAL.signal_id) == 0
    assert all(o.symbol == SYMBOL for o in held.unsettled_orders(ACCOUNT))
