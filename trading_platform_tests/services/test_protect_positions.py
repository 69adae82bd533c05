"""Stops and targets over fakes: placed, replaced, raised, taken back, and what is done where they can't be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.domain.errors import FixSettings, PlatformError, RefuseTrade, RetryLater
from trading_platform.domain.order import Order, OrderKind, OrderRequest, OrderStatus, Side
from trading_platform.domain.order_book import OrderBook
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.explain_balances import LOCKED
from trading_platform.services.halt_account import halt_account
from trading_platform.services.look_at_venue_orders import FOREIGN
from trading_platform.services.protect_positions import INCIDENT
from trading_platform.services.reconcile_balances import adopt_differences
from trading_platform.services.settle_orders import LOST
from trading_platform.services.trade import work_waiting
from trading_platform_tests.fakes import FakeBroker, FakeMarketFeed
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, PRICES, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL
from trading_platform_tests.support.plain_settings import plain_settings

ENTRY_PRICE = PRICES[SYMBOL] / Decimal("0.999")
"""What a unit held costs once the fee has been taken out of what was bought."""

_AFTER_THE_WINDOW = 61.0


def protected_place(**protection: Any) -> Workplace:
    """A workplace whose positions have stops two percent below, and targets four percent above, what they cost."""
    rules = {"trailing": False, **protection}
    return Workplace(settings=plain_settings(**{**QUICK, "protection": rules}))


@pytest.fixture
def place() -> Iterator[Workplace]:
    """Whatever a test does there: what is reserved is what rests, and the venue has the same totals."""
    made = protected_place()
    yield made
    at_work = [o for o in made.ledger.unsettled_orders(ACCOUNT) if o.status is OrderStatus.OPEN]
    resting = {o.list_id or o.client_order_id: o.quantity for o in at_work if o.kind.is_protective}
    assert made.reserved() == sum(resting.values())
    assert made.agrees_with_venue()


def _moves(place: Workplace, price: str, *, seconds: float = 5) -> None:
    """The market trades at that price, and the platform knows it."""
    place.broker.trade_at(SYMBOL, Decimal(price))
    place.clock.advance(seconds)
    place.refresh({**PRICES, SYMBOL: Decimal(price)})


def _at_work(place: Workplace) -> dict[str, Order]:
    return {order.leg: order for order in place.ledger.unsettled_orders(ACCOUNT)}


def _legs(place: Workplace) -> list[str]:
    orders = sorted(place.ledger.recent_orders(ACCOUNT, 100), key=lambda order: order.created_at)
    return sorted(f"{order.leg} {order.status}" for order in orders)


def _held(place: Workplace) -> Decimal:
    return sum((position.quantity for position in place.ledger.open_positions(ACCOUNT)), Decimal(0))


def _work(place: Workplace) -> str | None:
    return work_waiting(place.ledger, place.store, place.clock, place.settings)


def _incidents(place: Workplace) -> list[str]:
    return [incident.key for incident in place.journal.open_incidents()]


def _on_grid(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.01"))


def test_an_entry_has_its_stop_and_target_at_the_venue_when_its_run_ends(place: Workplace) -> None:
    bought = place.buys()

    at_work = _at_work(place)
    stop, target = at_work["stop"], at_work["target"]
    assert stop.list_id == target.list_id is not None
    assert (stop.status, target.status) == (OrderStatus.OPEN, OrderStatus.OPEN)
    assert stop.quantity == target.quantity == bought.quantity - Decimal("0.00001")  # the fee took less than a lot
    assert stop.stop_price is not None
    assert target.limit_price is not None
    assert 0 <= ENTRY_PRICE * Decimal("0.98") - stop.stop_price < Decimal("0.01")
    assert 0 <= target.limit_price - ENTRY_PRICE * Decimal("1.04") < Decimal("0.01")
    assert {o.client_order_id for o in place.broker.open_orders([SYMBOL])} == {
        o.client_order_id for o in at_work.values()
    }


def test_what_rests_is_neither_in_flight_nor_work(place: Workplace) -> None:
    place.buys()

    assert place.ledger.account(ACCOUNT).orders_in_flight == 0
    assert _work(place) is None
    assert place.trade().reconciled
    assert _legs(place) == ["entry filled", "stop open", "target open"]


def test_another_symbol_is_bought_while_stops_rest(place: Workplace) -> None:
    place.buys()
    place.later(61)
    place.buys("ETH/USDT")

    assert len(place.ledger.unsettled_orders(ACCOUNT)) == 4


def test_what_rests_is_looked_at_now_and_then(place: Workplace) -> None:
    place.buys()
    place.clock.advance(place.settings.protection.look_seconds)
    assert _work(place) == "stops to look at"
    place.trade()
    assert _work(place) is None


@pytest.mark.parametrize(("price", "hit", "ended"), [("48900", "stop", "target"), ("52100", "target", "stop")])
def test_a_stop_or_target_that_is_hit_closes_the_position_once(
    place: Workplace, price: str, hit: str, ended: str
) -> None:
    place.buys()
    _moves(place, price)

    assert _work(place) == f"{SYMBOL}: its stop or target is reached"
    place.trade()

    assert _legs(place) == ["entry filled", *sorted((f"{hit} filled", f"{ended} expired"))]
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.trade().exits == ()
    assert len([r for r in place.broker.requests if r.kind is OrderKind.MARKET]) == 1  # the entry


@pytest.mark.parametrize("first", ["stop", "target"])
def test_it_doesnt_matter_which_of_the_two_is_booked_first(place: Workplace, first: str) -> None:
    place.buys()
    at_work = _at_work(place)
    _moves(place, "48900")
    for leg in sorted(at_work, key=lambda name: name != first):
        order = at_work[leg]
        place.ledger.book(
            place.broker.find(SYMBOL, order.client_order_id), place.desk().instrument(SYMBOL), place.clock.wall()
        )

    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.ledger.account(ACCOUNT).balances["BTC"].reserved == 0
    place.trade()


def test_a_partly_filled_entry_is_protected_and_its_rest_too_when_it_comes(place: Workplace) -> None:
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.5")))
    place.says()
    [entry_id] = place.trade().entries
    half = _at_work(place)["stop"].quantity
    assert half == _held(place).quantize(Decimal("0.00001"), "ROUND_FLOOR")

    place.broker.fill_rest(entry_id)
    place.later(1)
    place.trade()

    at_work = _at_work(place)
    assert sorted(at_work) == ["stop2", "target2"]
    assert at_work["stop2"].quantity > half
    assert _legs(place)[1:] == ["stop cancelled", "stop2 open", "target cancelled", "target2 open"]


def test_an_exit_takes_the_list_back_before_it_sells(place: Workplace) -> None:
    place.buys()
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    place.trade()

    assert _legs(place) == ["entry filled", "exit filled", "stop cancelled", "target cancelled"]
    assert place.ledger.open_positions(ACCOUNT) == []


def test_an_exit_sells_nothing_that_the_stop_has_sold_already(place: Workplace) -> None:
    place.buys()
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    _moves(place, "48900")
    place.trade()

    assert _legs(place) == ["entry filled", "stop filled", "target expired"]


def test_a_stop_that_fills_while_it_is_taken_back_isnt_followed_by_a_sale(place: Workplace) -> None:
    place.buys()
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    place.broker.misbehave_at_cancels(Misbehaviour(lose_answer=True, never_arrives=True))
    place.trade()  # the cancel is lost on its way, and nothing may be sold before that is known
    assert "exit" not in {order.leg for order in place.ledger.recent_orders(ACCOUNT, 10)}
    _moves(place, "48900")
    place.trade()

    assert _legs(place) == ["entry filled", "stop filled", "target expired"]


def test_an_exit_asks_before_it_sells_when_the_cancels_answer_was_lost(place: Workplace) -> None:
    place.buys()
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    place.broker.misbehave_at_cancels(Misbehaviour(lose_answer=True))
    place.trade()
    assert _held(place) > 0
    assert _work(place) is not None
    place.trade()

    assert _legs(place) == ["entry filled", "exit filled", "stop cancelled", "target cancelled"]
    assert place.ledger.open_positions(ACCOUNT) == []


@pytest.mark.parametrize("arrived", [True, False])
def test_a_list_whose_answer_was_lost_is_asked_for_and_placed_once(place: Workplace, arrived: bool) -> None:
    place.broker.misbehave(Misbehaviour(), Misbehaviour(lose_answer=True, never_arrives=not arrived))
    place.buys()
    assert {order.status for order in _at_work(place).values()} == {OrderStatus.UNKNOWN}
    assert place.reserved() > 0
    place.trade()
    if not arrived:
        assert sorted(_at_work(place)) == ["stop", "target"]  # a delayed request may still arrive
        place.later(_AFTER_THE_WINDOW)
        place.trade()
        place.later(2)
        place.trade()

    assert sorted(_at_work(place)) == (["stop", "target"] if arrived else ["stop2", "target2"])
    assert len(place.broker.open_orders([SYMBOL])) == 2


def test_a_list_that_was_not_placed_is_tried_again_ever_more_seldom(place: Workplace) -> None:
    place.broker.misbehave(Misbehaviour(), *[Misbehaviour(not_placed=True)] * 3)
    place.buys()
    runs = 0
    while not _at_work(place):
        place.later(0.5)
        if _work(place):
            place.trade()
            runs += 1

    assert runs == 3
    assert sorted(_at_work(place)) == ["stop4", "target4"]


def test_where_no_list_is_taken_a_stop_alone_is_better_than_none(place: Workplace) -> None:
    place.broker.misbehave(Misbehaviour(), Misbehaviour(reject_code="-2010"))
    place.buys()

    assert sorted(_at_work(place)) == ["stop2"]
    assert _at_work(place)["stop2"].list_id is None
    assert _incidents(place) == []


def test_without_any_stop_the_position_is_sold_and_the_owner_told(place: Workplace) -> None:
    place.broker.misbehave(Misbehaviour(), *[Misbehaviour(reject_code="-1013")] * 2)
    place.buys()

    assert _legs(place) == ["entry filled", "exit filled", "stop rejected", "stop2 rejected", "target rejected"]
    assert place.ledger.open_positions(ACCOUNT) == []
    told = [notification.title for notification in place.journal.undelivered(10)]
    assert told[0] == f"No stop for {SYMBOL}"
    place.trade()
    assert _incidents(place) == []


def test_a_sale_for_want_of_a_stop_is_tried_until_it_succeeds(place: Workplace) -> None:
    place.broker.misbehave(Misbehaviour(), *[Misbehaviour(reject_code="-1013")] * 4)
    place.buys()
    assert _incidents(place) == [INCIDENT + SYMBOL]
    for _ in range(10):
        place.later(1)
        if _work(place):
            place.trade()

    assert place.ledger.open_positions(ACCOUNT) == []
    assert _incidents(place) == []


def test_what_is_too_small_for_a_stop_is_sold() -> None:
    place = protected_place(stop_percent="20")
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.55")))  # 5.5 USDT are held, and 4.4 at the stop
    place.says()
    [entry_id] = place.trade().entries
    assert _at_work(place).keys() == {"entry"}  # more may still come
    place.broker.cancel(SYMBOL, entry_id)
    place.later(1)
    place.trade()

    assert _legs(place) == ["entry cancelled", "exit filled"]
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.journal.undelivered(1)[0].title == f"No stop for {SYMBOL}"
    assert place.agrees_with_venue()


@pytest.fixture
def small() -> Workplace:
    """A position of 2.50 USDT: an entry that filled a little, and was then cancelled."""
    place = protected_place()
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.1")))
    place.says()
    [entry_id] = place.trade().entries
    place.broker.cancel(SYMBOL, entry_id)
    return place


def _goes_on(place: Workplace) -> None:
    """The run that books the end of the entry, and the next look."""
    place.later(1)
    place.trade()
    assert _work(place) is None  # it isn't tried every second
    place.later(place.settings.protection.look_seconds)
    assert _work(place) is not None
    place.trade()


def test_what_is_too_small_to_be_sold_is_told_and_left_as_dust(small: Workplace) -> None:
    _goes_on(small)

    assert _legs(small) == ["entry cancelled"]
    assert _held(small) == 0
    assert any("nor can it be sold" in told.body for told in small.journal.undelivered(9))
    assert _incidents(small) == []
    assert _work(small) is None
    assert small.ledger.closed_trades(ACCOUNT, 1) == []  # nothing was won or lost


def test_dust_blocks_no_symbol_and_is_sold_with_what_is_bought_next(small: Workplace) -> None:
    _goes_on(small)
    small.later(small.settings.risk.cooldown_seconds)
    small.buys(minute=CLOSE + 5)
    [position] = small.ledger.open_positions(ACCOUNT)
    assert _at_work(small)["stop"].quantity == small.desk().instrument(SYMBOL).floor_quantity(position.quantity)
    assert position.quantity > Decimal("0.0005")
    small.says(CLOSE + 6, Direction.SHORT)
    small.later(60)
    small.trade()

    assert _held(small) == 0
    assert small.ledger.account(ACCOUNT).balances["BTC"].total < Decimal("0.00001")
    assert small.agrees_with_venue()


@pytest.mark.parametrize("flatten", [True, False])
@pytest.mark.parametrize("protected", [True, False])
def test_an_exit_of_what_is_too_small_sends_nothing_and_is_over(
    small: Workplace, flatten: bool, protected: bool
) -> None:
    small.settings = plain_settings(**{**QUICK, "protection": {"trailing": False, "enabled": protected}})
    if flatten:
        halt_account(small.ledger, small.clock, ACCOUNT, "enough", flatten=True)
    else:
        small.says(CLOSE + 1, Direction.SHORT)
    small.later(61)
    small.trade()

    assert [request.side for request in small.broker.requests] == [Side.BUY]
    assert _held(small) == 0
    assert _work(small) is None
    assert small.ledger.open_signals(ACCOUNT) == []
    assert small.trade().exits == ()


def test_a_wrong_price_makes_no_dust_of_a_position(place: Workplace) -> None:
    place.buys()
    place.says(CLOSE + 1, Direction.SHORT)
    place.clock.advance(61)
    place.refresh({**PRICES, SYMBOL: Decimal(2)})
    place.trade()

    assert _legs(place) == ["entry filled", "exit filled", "stop cancelled", "target cancelled"]


def test_a_target_filled_in_part_sells_the_rest(place: Workplace) -> None:
    place.buys()
    target = _at_work(place)["target"]
    place.broker.fill_part(target.client_order_id, Decimal("0.0001"))
    place.later(place.settings.protection.look_seconds)
    place.trade()

    assert _legs(place) == ["entry filled", "exit filled", "stop expired", "target cancelled"]
    assert place.ledger.open_positions(ACCOUNT) == []


def test_a_position_is_sold_when_its_time_is_over() -> None:
    place = protected_place(max_holding_seconds=3600)
    place.buys()
    place.later(3590)
    place.trade()
    assert _held(place) > 0
    place.later(20)
    assert _work(place) is not None
    place.trade()

    assert _legs(place) == ["entry filled", "exit filled", "stop cancelled", "target cancelled"]
    assert place.agrees_with_venue()


def test_what_a_sale_leaves_is_seen_to_at_once_however_small() -> None:
    place = protected_place(max_holding_seconds=3600)
    place.buys()
    place.later(3610)
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.7"), rest_expires=True))
    place.trade()
    assert 0 < _held(place) * ENTRY_PRICE < place.settings.risk.notional_floor_quote
    assert _work(place) is None  # the next sale waits a moment
    place.later(1)
    assert _work(place) == f"{SYMBOL}: without a stop"
    place.trade()

    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.agrees_with_venue()


@pytest.mark.parametrize("listed", [False, True])
def test_a_total_below_what_rests_is_told_and_stops_no_exit(listed: bool) -> None:
    """The venue locks what rests: such an answer is wrong, whatever would explain it."""
    place = protected_place()
    bought = place.buys()
    short = -bought.quantity / 2
    (place.broker.deposit if listed else place.broker.move)(BTC=short)
    place.later(place.settings.protection.look_seconds)

    assert not place.trade().reconciled
    [difference] = place.ledger.balance_differences(ACCOUNT)
    assert (difference.asset, difference.cause) == ("BTC", LOCKED)
    assert place.ledger.account(ACCOUNT).balances["BTC"].total > _at_work(place)["stop"].quantity
    with pytest.raises(RefuseTrade, match="more BTC than the venue has"):
        adopt_differences(place.desk(), "mine")

    place.broker.move(BTC=-short)
    place.says(CLOSE + 1, Direction.SHORT)
    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []


def test_the_stop_follows_the_price_up_and_never_down() -> None:
    place = protected_place(trailing=True, target="none")
    place.buys()
    first = _at_work(place)["stop"].stop_price
    assert first is not None
    for price in ("50500", "51000", "51050", "50600", "52000"):
        _moves(place, price)
        if _work(place):
            place.trade()

    stops = [o for o in place.ledger.recent_orders(ACCOUNT, 20) if o.kind is OrderKind.STOP_LOSS]
    assert [o.leg for o in sorted(stops, key=lambda o: o.created_at)] == ["stop", "stop2", "stop3"]
    assert _at_work(place)["stop3"].stop_price == _on_grid(Decimal(52000) * Decimal("0.988"))
    assert place.agrees_with_venue()
    _moves(place, "51300")
    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.agrees_with_venue()


def test_a_price_beyond_the_stop_before_it_rests_sells_at_once(place: Workplace) -> None:
    place.broker.misbehave(Misbehaviour(), Misbehaviour(not_placed=True))
    place.buys()
    _moves(place, "48000")
    place.trade()

    assert _legs(place)[:2] == ["entry filled", "exit filled"]
    assert place.ledger.open_positions(ACCOUNT) == []


def test_a_stop_left_without_a_position_is_taken_back(place: Workplace) -> None:
    place.buys()
    stop = _at_work(place)["stop"]
    place.broker.cancel(SYMBOL, stop.client_order_id)
    place.broker.trade_by_hand(OrderRequest("byhand", SYMBOL, Side.SELL, stop.quantity))
    place.later(place.settings.protection.look_seconds)
    for _ in range(4):
        place.trade()
        assert _work(place) is None  # the difference stands, and a cadence passes before it is looked at again
        place.later(_AFTER_THE_WINDOW)

    assert {each.asset for each in place.ledger.balance_differences(ACCOUNT)} == {"BTC", "USDT"}
    assert _held(place) > 0
    _nothing_is_left_at_work(place)

    adopt_differences(place.desk(), "sold by hand")

    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.ledger.closed_trades(ACCOUNT, 9) == []
    _nothing_is_left_at_work(place)
    assert _work(place) is None


def _nothing_is_left_at_work(place: Workplace) -> None:
    assert place.broker.open_orders([SYMBOL]) == []
    assert _legs(place) == ["entry filled", "stop cancelled", "target cancelled"]
    assert _incidents(place) == []


def test_what_is_left_of_the_base_is_protected_while_the_rest_is_missing() -> None:
    place = protected_place()
    place.buys()
    before = _at_work(place)["stop"]
    gone = before.quantity / 4
    gone -= gone % Decimal("0.00001")
    place.broker.cancel(SYMBOL, before.client_order_id)
    place.broker.move(BTC=-gone)
    place.later(_AFTER_THE_WINDOW)
    place.trade()

    assert {leg: order.quantity for leg, order in _at_work(place).items()} == dict.fromkeys(
        ("stop2", "target2"), before.quantity - gone
    )
    assert _work(place) is None
    place.says(CLOSE + 1, Direction.SHORT)
    place.later(_AFTER_THE_WINDOW)
    place.trade()
    sold = next(o for o in place.ledger.recent_orders(ACCOUNT, 20) if o.leg == "exit")
    assert (sold.status, sold.quantity) == (OrderStatus.FILLED, before.quantity - gone)
    place.later(2)
    assert _work(place) is None  # though the exit of what is missing is still due
    assert len([o for o in place.ledger.recent_orders(ACCOUNT, 20) if o.leg.startswith("exit")]) == 1


def test_a_stop_that_rests_is_kept_though_the_balance_lags(place: Workplace) -> None:
    place.buys()
    place.broker.move(BTC=Decimal("-0.0001"))
    place.later(_AFTER_THE_WINDOW)
    place.trade()

    assert [each.asset for each in place.ledger.balance_differences(ACCOUNT)] == ["BTC"]
    assert sorted(_at_work(place)) == ["stop", "target"]
    assert _work(place) is None
    place.broker.move(BTC=Decimal("0.0001"))


def test_a_stop_that_was_filled_is_no_withdrawal_of_the_owners(place: Workplace) -> None:
    place.buys()
    place.broker.trade_at(SYMBOL, Decimal(48900))  # no run has looked since

    assert adopt_differences(place.desk(), "mine") == ()

    [lost] = place.ledger.closed_trades(ACCOUNT, 9)
    assert lost.realized_pnl_quote < 0


@pytest.mark.parametrize("flatten", [False, True])
def test_nothing_is_sold_of_what_left_at_a_stop_or_at_a_halt(place: Workplace, flatten: bool) -> None:
    place.buys()
    stop = _at_work(place)["stop"]
    place.broker.cancel(SYMBOL, stop.client_order_id)
    place.broker.move(BTC=-stop.quantity)
    if flatten:
        halt_account(place.ledger, place.clock, ACCOUNT, "enough", flatten=True)
    _moves(place, "45000", seconds=_AFTER_THE_WINDOW)
    place.trade()

    _nothing_is_left_at_work(place)
    assert _work(place) is None
    place.broker.deposit(BTC=stop.quantity)  # found again
    place.later(_AFTER_THE_WINDOW)
    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []
    assert "exit filled" in _legs(place)


def test_a_difference_in_another_asset_asks_for_no_run_each_second(place: Workplace) -> None:
    place.buys()
    place.broker.move(USDT=Decimal(-20))
    place.later(place.settings.protection.look_seconds)
    place.trade()

    assert place.ledger.balance_differences(ACCOUNT)
    assert _work(place) is None
    place.broker.move(USDT=Decimal(20))


def test_an_order_of_another_hand_is_left_alone_and_stops_entries(place: Workplace) -> None:
    by_hand = OrderRequest("web123", "ETH/USDT", Side.BUY, Decimal("0.01"), OrderKind.LIMIT, Decimal(1000))
    place.broker.submit(by_hand)
    said = place.says()
    place.trade()

    assert _incidents(place) == [FOREIGN + "web123"]
    assert place.reasons(said) == [ReasonCode.FOREIGN_ORDER]
    assert [o.client_order_id for o in place.broker.open_orders(["ETH/USDT"])] == ["web123"]

    place.broker.cancel("ETH/USDT", "web123")
    place.trade()
    assert _incidents(place) == []
    assert ReasonCode.APPROVED in place.reasons(said)


def test_an_order_of_ours_that_the_ledger_lost_is_taken_back(place: Workplace) -> None:
    lost = OrderRequest("tp" + "a" * 30, "ETH/USDT", Side.BUY, Decimal("0.01"), OrderKind.LIMIT, Decimal(1000))
    place.broker.submit(lost)
    place.trade()
    assert place.broker.open_orders(["ETH/USDT"]) == []
    assert "the ledger doesn't know" in place.journal.undelivered(1)[0].title
    assert _incidents(place) == []


def test_a_stop_that_arrived_after_it_was_given_up_is_taken_back(place: Workplace) -> None:
    told = Misbehaviour(lose_answer=True, arrives_after_questions=4)
    place.broker.misbehave(Misbehaviour(), told)
    place.buys()
    for _ in range(8):
        place.later(_AFTER_THE_WINDOW)
        place.trade()

    legs = {order.leg: order.status for order in place.ledger.recent_orders(ACCOUNT, 20)}
    assert legs["stop"] is OrderStatus.EXPIRED
    # it had locked what was held, so that no other stop was taken: the position was sold once it was gone
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.broker.open_orders([SYMBOL]) == []


def test_a_stop_that_the_venue_forgot_is_placed_anew(place: Workplace) -> None:
    place.buys()
    place.broker.forget(*[order.client_order_id for order in _at_work(place).values()])
    place.later(_AFTER_THE_WINDOW)
    place.trade()

    assert sorted(_at_work(place)) == ["stop2", "target2"]
    assert len([title for title in _incidents(place) if title.startswith(LOST)]) <= 2


def test_a_stop_that_is_forgotten_while_its_cancel_is_under_way_keeps_nothing_from_being_sold(place: Workplace) -> None:
    place.buys()
    place.says(CLOSE + 1, Direction.SHORT)
    place.broker.misbehave_at_cancels(Misbehaviour(not_placed=True))
    place.trade()
    place.broker.forget(*[order.client_order_id for order in _at_work(place).values()])
    place.later(_AFTER_THE_WINDOW)
    place.trade()

    assert place.ledger.open_positions(ACCOUNT) == []
    assert _work(place) is None


_STORE_TROUBLES = pytest.mark.parametrize(
    "trouble", [RetryLater("it doesn't answer"), FixSettings("it refuses the token")], ids=["silent", "unwilling"]
)


@_STORE_TROUBLES
def test_a_store_that_says_nothing_keeps_no_position_from_its_stop(place: Workplace, trouble: PlatformError) -> None:
    place.store.trouble = trouble
    place.broker.misbehave(Misbehaviour(), Misbehaviour(not_placed=True))
    place.buys()
    assert _at_work(place) == {}
    place.later(5)
    place.store.is_down = True
    assert _work(place) == f"{SYMBOL}: without a stop"

    with pytest.raises(type(trouble)):  # the run fails all the same
        place.trade()

    assert "stop2" in _at_work(place)


def test_stops_are_looked_at_no_more_often_while_a_difference_stands() -> None:
    place = protected_place()
    place.buys()
    place.broker.move(USDT=Decimal(-10))  # nothing explains it, so the balances don't agree until the owner says so
    place.later(61)
    place.trade()
    assert place.ledger.balance_differences(ACCOUNT)
    place.later(1)
    assert _work(place) is None
    place.later(place.settings.protection.look_seconds)
    assert _work(place) == "stops to look at"
    place.trade()
    assert _work(place) is None


def test_stops_are_looked_at_no_more_often_while_an_entry_rests() -> None:
    execution = {**QUICK["execution"], "entry": "limit", "limit_seconds": 1000, "resting_poll_seconds": 1000}
    settings = plain_settings(**{**QUICK, "execution": execution, "protection": {"trailing": False}})
    place = Workplace(settings=settings, start_with={"USDT": Decimal(1000)})
    place.says()
    place.trade()
    place.broker.trade_at(SYMBOL, Decimal(49999))
    place.trade()
    place.says(symbol="ETH/USDT")
    place.trade()
    assert sorted(_at_work(place)) == ["entry", "stop", "target"]
    for _ in range(5):
        place.later(place.settings.protection.look_seconds)
        assert _work(place) is not None
        place.trade()
        place.later(1)
        assert _work(place) is None


class _KnowsOneBook(FakeMarketFeed):
    """A venue that trades no second symbol."""

    def order_book(self, symbol: str) -> OrderBook:
        if symbol != SYMBOL:
            raise FixSettings(f"the venue doesn't trade {symbol}")
        return super().order_book(symbol)


def test_what_goes_wrong_with_a_second_entry_keeps_the_first_from_no_stop() -> None:
    settings = plain_settings(**{**QUICK, "protection": {"trailing": False}})
    place = Workplace(settings=settings, start_with={"USDT": Decimal(1000)})
    feed = _KnowsOneBook(place.clock)
    feed.__dict__.update(vars(place.feed))
    place.feed = feed
    place.says()
    place.says(CLOSE + 1, symbol="ETH/USDT")

    with pytest.raises(FixSettings):
        place.trade()

    assert sorted(_at_work(place)) == ["stop", "target"]


def test_switched_off_nothing_is_placed() -> None:
    place = protected_place(enabled=False)
    place.buys()
    assert _legs(place) == ["entry filled"]
    assert _work(place) is None


def test_a_stop_with_a_limit_that_the_price_fell_past_is_sold_at_market() -> None:
    place = protected_place(stop_limit_offset_percent="0.5", target="none")
    place.buys()
    stop = _at_work(place)["stop"]
    assert stop.limit_price is not None
    place.broker.prices[SYMBOL] = stop.limit_price - 100  # past it in one jump: nobody bought at the limit
    place.clock.advance(5)
    place.refresh({**PRICES, SYMBOL: stop.limit_price - 100})
    place.trade()

    assert _legs(place) == ["entry filled", "exit filled", "stop cancelled"]


# a closed market
def _is_told_to_sell(place: Workplace) -> Signal:
    """The strategy says to sell a protected position."""
    place.buys()
    place.later(60)
    return place.says(CLOSE + 1, Direction.SHORT)


def test_an_exit_on_a_closed_market_leaves_the_stop_where_it_is(place: Workplace) -> None:
    said = _is_told_to_sell(place)
    place.broker.closed.add(SYMBOL)
    before = _at_work(place)

    assert place.trade().exits == ()

    assert _at_work(place) == before
    assert place.reasons(said) == [ReasonCode.MARKET_CLOSED]
    assert _incidents(place) == []
    assert _work(place) is None
    place.later(4.9)
    assert _work(place) is None
    place.later(0.1)
    assert _work(place) == "1 open signals"
    place.trade()
    assert _work(place) is None
    assert _at_work(place) == before

    place.broker.closed.clear()
    place.later(5)
    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


def test_a_sale_that_is_refused_has_its_stop_back_in_the_same_run(place: Workplace) -> None:
    _is_told_to_sell(place)
    place.broker.misbehave(Misbehaviour(reject_code="-2010"))

    place.trade()

    assert sorted(_at_work(place)) == ["stop2", "target2"]
    place.later(1)
    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []


class _HidesThatItIsClosed(FakeBroker):
    """A venue whose market closes after it was asked."""

    def is_trading(self, symbol: str) -> bool:
        return True


def _hiding_place(**protection: Any) -> Workplace:
    settings = plain_settings(**{**QUICK, "protection": {"trailing": False, **protection}})
    return Workplace(settings=settings, broker_type=_HidesThatItIsClosed)


def test_a_stop_that_a_closed_market_doesnt_take_back_is_told_and_tried_until_it_rests() -> None:
    place = _hiding_place()
    place.buys()
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    place.broker.closed.add(SYMBOL)
    place.trade()

    assert _at_work(place) == {}
    assert _incidents(place) == [INCIDENT + SYMBOL]
    assert place.journal.undelivered(1)[0].title == f"No stop for {SYMBOL}"
    for _ in range(3):
        place.later(60)
        assert _work(place) is not None
        place.trade()
    assert _held(place) > 0

    place.broker.closed.clear()
    place.later(60)
    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []
    place.trade()
    assert _incidents(place) == []


def test_what_was_bought_before_the_market_closed_gets_its_stop_when_it_opens() -> None:
    place = _hiding_place()
    place.broker.misbehave(Misbehaviour(), Misbehaviour(not_placed=True))
    place.buys()
    place.broker.closed.add(SYMBOL)
    for _ in range(3):
        place.later(60)
        place.trade()
    assert _held(place) > 0  # a closed market is no refusal of the stop, so it isn't sold for want of one
    assert _incidents(place) == [INCIDENT + SYMBOL]

    place.broker.closed.clear()
    place.later(60)
    place.trade()
    stop, target = sorted(_at_work(place))
    assert (stop.rstrip("0123456789"), target.rstrip("0123456789")) == ("stop", "target")
    assert _incidents(place) == []


def test_a_stop_isnt_raised_while_the_market_is_closed() -> None:
    place = protected_place(trailing=True, target="none")
    place.buys()
    place.broker.closed.add(SYMBOL)
    _moves(place, "51000")
    before = _at_work(place)
    assert _work(place) == f"{SYMBOL}: its stop can be raised"
    place.trade()

    assert _at_work(place) == before
    assert _work(place) is None
    place.broker.closed.clear()
    _moves(place, "51001")
    place.trade()
    assert sorted(_at_work(place)) == ["stop2"]


def test_a_venue_that_doesnt_tell_whether_it_is_open_keeps_nothing_from_being_sold(place: Workplace) -> None:
    place.broker.__class__ = _TellsNoState
    _is_told_to_sell(place)

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


class _TellsNoState(FakeBroker):
    def is_trading(self, symbol: str) -> bool:
        raise RetryLater("the venue doesn't tell")


def test_every_stop_has_a_decision_that_tells_its_prices(place: Workplace) -> None:
    said = place.says()
    place.trade()
    about = [d for d in place.decisions(said) if d.leg == "stop"]
    assert [d.reason for d in about] == [ReasonCode.APPROVED]
    assert Decimal(about[0].details["stop"]) == _at_work(place)["stop"].stop_price
    assert replace(about[0], details={}).message.startswith("sell ")
