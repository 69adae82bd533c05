"""What every ledger does with reservations, orders, bookings and positions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.errors import AlreadyDone, FixSettings, InsufficientFree, TransitionForbidden
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Order, OrderKind, OrderStatus, Side
from trading_platform.domain.order_machine import replay
from trading_platform.domain.signal import Leg, LegKind
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import AssetBalance, Ledger
from trading_platform_tests.support.examples import (
    ACCOUNT,
    EXIT,
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

BTC_USDT = instrument()
SECOND_EXIT = Leg(LegKind.EXIT, 2)


@pytest.fixture(autouse=True)
def _account(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": Decimal("84.54")}, at_revision=0, at=START)


def reserve(ledger: Ledger, about: Order, minute: int = 1) -> Order:
    """Reserve an order of the signal at that minute."""
    direction = Direction.LONG if about.side is Side.BUY else Direction.SHORT
    subject = signal(minute, direction, about.symbol)
    ledger.record_signals([subject], START)
    ledger.reserve(about, decision(subject, EXIT if about.side is Side.SELL else Leg(LegKind.ENTRY)))
    return about


def buy(ledger: Ledger, reserved: str = "60", minute: int = 1, quantity: str = "0.001", symbol: str = SYMBOL) -> Order:
    """A reserved buy that was sent."""
    subject = signal(minute, symbol=symbol)
    made = reserve(ledger, order(subject, reserved, quantity=quantity, at=minutes(minute)), minute)
    ledger.mark_submitted(made.client_order_id, minutes(minute))
    return made


def sell(ledger: Ledger, quantity: str, minute: int = 2, leg: Leg = EXIT) -> Order:
    """A reserved sell that was sent."""
    subject = signal(minute, Direction.SHORT)
    made = order(subject, quantity, side=Side.SELL, quantity=quantity, leg=leg, at=minutes(minute))
    reserve(ledger, made, minute)
    ledger.mark_submitted(made.client_order_id, minutes(minute))
    return made


def bought(ledger: Ledger, quantity: str = "0.001", price: str = "50000", minute: int = 1) -> Order:
    """A buy that has filled, with its fee in base."""
    made = buy(ledger, str(Decimal(quantity) * Decimal(price)), minute, quantity)
    fee = Decimal(quantity) / 1000
    done = report(made, OrderStatus.FILLED, fill(f"buy {minute}", quantity, price, fee=fee, at=minutes(minute)))
    return ledger.book(done, BTC_USDT, minutes(minute))


def balance(ledger: Ledger, asset: str = "USDT") -> AssetBalance:
    return ledger.account(ACCOUNT).balances[asset]


def test_reserving_commits_order_reservation_and_decision(ledger: Ledger) -> None:
    revision = ledger.account(ACCOUNT).revision
    made = reserve(ledger, order(signal(), "67.63"))
    assert ledger.order(made.client_order_id) == made
    assert ledger.unsettled_orders(ACCOUNT) == [made]
    assert ledger.open_signals(ACCOUNT) == []
    assert ledger.recent_decisions(ACCOUNT, 9) == [decision(signal())]
    state = ledger.account(ACCOUNT)
    assert state.balances["USDT"] == AssetBalance(Decimal("84.54"), Decimal("67.63"))
    assert (state.balances["USDT"].free, state.orders_in_flight) == (Decimal("16.91"), 1)
    assert state.revision > revision


def test_reserving_the_last_cent_and_no_more(ledger: Ledger) -> None:
    reserve(ledger, order(signal(1), "67.63"), 1)
    reserve(ledger, order(signal(2), "16.91"), 2)
    assert balance(ledger).free == 0
    before = ledger.account(ACCOUNT)
    with pytest.raises(InsufficientFree, match=r"0\.01 USDT"):
        reserve(ledger, order(signal(3), "0.01"), 3)
    assert ledger.account(ACCOUNT) == before
    assert ledger.order(order(signal(3), "0.01").client_order_id) is None
    assert ledger.open_signals(ACCOUNT) == [signal(3)]
    assert len(ledger.recent_decisions(ACCOUNT, 9)) == 2


def test_an_asset_never_held_covers_nothing(ledger: Ledger) -> None:
    with pytest.raises(InsufficientFree, match="BTC"):
        reserve(ledger, order(signal(1, Direction.SHORT), "0.1", side=Side.SELL, quantity="0.1"))


def test_one_order_per_leg(ledger: Ledger) -> None:
    made = reserve(ledger, order(signal(), "10"))
    before = ledger.account(ACCOUNT)
    with pytest.raises(AlreadyDone):
        ledger.reserve(made, decision(signal()))
    with pytest.raises(AlreadyDone):
        ledger.reserve(replace(made, client_order_id="tpanother"), decision(signal()))
    assert ledger.account(ACCOUNT) == before


def test_an_unknown_account_cannot_reserve(ledger: Ledger) -> None:
    ledger.record_signals([signal()], START)
    with pytest.raises(FixSettings):
        ledger.reserve(replace(order(signal(), "10"), account="other"), decision(signal()))


def test_an_intent_is_submitted_once(ledger: Ledger) -> None:
    made = reserve(ledger, order(signal(), "10"))
    ledger.mark_submitted(made.client_order_id, minutes(1))
    assert ledger.order(made.client_order_id) == replace(made, status=OrderStatus.SUBMITTED, submitted_at=minutes(1))
    with pytest.raises(AlreadyDone):
        ledger.mark_submitted(made.client_order_id, minutes(2))
    with pytest.raises(AlreadyDone):
        ledger.mark_submitted("tpnobody", minutes(2))


def test_an_unknown_outcome_keeps_the_reservation(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.mark_unknown(made.client_order_id, "timeout", minutes(2))
    [waiting] = ledger.unsettled_orders(ACCOUNT)
    assert waiting.status is OrderStatus.UNKNOWN
    assert balance(ledger).reserved == 60


def test_a_late_doubt_does_not_undo_what_is_known(ledger: Ledger) -> None:
    made = bought(ledger)
    ledger.mark_unknown(made.client_order_id, "timeout", minutes(2))
    assert ledger.order(made.client_order_id) == made


@pytest.mark.parametrize(("rejected", "status"), [(True, OrderStatus.REJECTED), (False, OrderStatus.EXPIRED)])
def test_an_end_without_fills_releases_once(ledger: Ledger, rejected: bool, status: OrderStatus) -> None:
    made = buy(ledger)
    revision = ledger.account(ACCOUNT).revision
    for _ in range(2):
        ledger.close_unfilled(made.client_order_id, rejected=rejected, why="no", code="-2010", at=minutes(2))
    closed = ledger.order(made.client_order_id)
    assert closed is not None
    assert closed.status is status
    assert balance(ledger) == AssetBalance(Decimal("84.54"), Decimal(0))
    assert ledger.unsettled_orders(ACCOUNT) == []
    assert ledger.account(ACCOUNT).revision == revision + 1
    with pytest.raises(AlreadyDone):
        ledger.mark_submitted(made.client_order_id, minutes(3))


def test_an_order_that_has_moved_on_is_not_given_up(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.close_unfilled(
        made.client_order_id, rejected=False, why="", code="", at=minutes(2), seen=OrderStatus.INTENDED
    )
    assert balance(ledger).reserved == 60
    ledger.book(report(made, OrderStatus.OPEN), BTC_USDT, minutes(3))
    ledger.close_unfilled(made.client_order_id, rejected=False, why="", code="", at=minutes(4))
    assert balance(ledger).reserved == 60


def test_orders_that_the_ledger_does_not_know(ledger: Ledger) -> None:
    stranger = order(signal(), "10")
    assert ledger.order(stranger.client_order_id) is None
    with pytest.raises(LookupError):
        ledger.close_unfilled(stranger.client_order_id, rejected=True, why="", code="", at=START)
    with pytest.raises(LookupError):
        ledger.book(report(stranger, OrderStatus.FILLED, fill("1", "0.001")), BTC_USDT, START)


def test_booking_a_buy_with_its_fee_in_base(ledger: Ledger) -> None:
    done = bought(ledger)
    assert (done.status, done.filled_quantity, done.venue_order_id) == (
        OrderStatus.FILLED,
        Decimal("0.001"),
        "venue-1",
    )
    assert balance(ledger) == AssetBalance(Decimal("34.54"), Decimal(0))
    assert balance(ledger, "BTC") == AssetBalance(Decimal("0.000999"), Decimal(0))
    [position] = ledger.open_positions(ACCOUNT)
    assert (position.symbol, position.strategy) == (SYMBOL, "trend_following")
    assert (position.entry_candle_close, position.opened_at) == (minutes(1), minutes(1))
    assert (position.quantity, position.cost_quote) == (Decimal("0.000999"), Decimal(50))
    assert ledger.unsettled_orders(ACCOUNT) == []
    assert [(symbol, side, f.quantity) for symbol, side, f in ledger.recent_fills(ACCOUNT, 9)] == [
        (SYMBOL, Side.BUY, Decimal("0.001"))
    ]


def test_booking_a_buy_with_its_fee_in_quote(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.book(report(made, OrderStatus.FILLED, fill("1", "0.001", fee="0.05", fee_asset="USDT")), BTC_USDT, START)
    assert balance(ledger) == AssetBalance(Decimal("34.49"), Decimal(0))
    assert balance(ledger, "BTC").total == Decimal("0.001")


def test_booking_a_fee_in_a_third_asset(ledger: Ledger) -> None:
    revision = ledger.account(ACCOUNT).revision
    ledger.reconcile(ACCOUNT, {"USDT": Decimal("84.54"), "BNB": Decimal("0.1")}, at_revision=revision, at=START)
    made = buy(ledger)
    fills = [
        fill("1", "0.0005", fee="0.06", fee_asset="BNB"),
        fill("2", "0.0005", fee="0.06", fee_asset="BNB", at=minutes(1)),
    ]
    ledger.book(report(made, OrderStatus.FILLED, *fills), BTC_USDT, START)
    assert balance(ledger, "BNB") == AssetBalance(Decimal(0), Decimal(0))
    assert balance(ledger).total == Decimal("34.54")


@pytest.mark.parametrize("held", ["0", "0.004"])
def test_a_fee_beyond_what_the_account_is_known_to_hold_is_booked(ledger: Ledger, held: str) -> None:
    """The venue took it from somewhere: the next comparison with it shows from where, and nothing else suffers."""
    revision = ledger.account(ACCOUNT).revision
    ledger.reconcile(ACCOUNT, {"USDT": Decimal("84.54"), "BNB": Decimal(held)}, at_revision=revision, at=START)
    made = buy(ledger)
    done = report(made, OrderStatus.FILLED, fill("1", "0.001", fee="0.01", fee_asset="BNB"))
    assert ledger.book(done, BTC_USDT, minutes(2)).status is OrderStatus.FILLED
    assert balance(ledger, "BNB") == AssetBalance(Decimal(0), Decimal(0))
    assert balance(ledger) == AssetBalance(Decimal("34.54"), Decimal(0))
    assert balance(ledger, "BTC").total == Decimal("0.001")
    [booked] = ledger.fills_of(made.client_order_id)
    assert (booked.fee, booked.fee_asset) == (Decimal("0.01"), "BNB")


def test_booking_again_changes_nothing(ledger: Ledger) -> None:
    made = buy(ledger)
    done = report(made, OrderStatus.FILLED, fill("1", "0.001", fee="0.000001"))
    first = ledger.book(done, BTC_USDT, START)
    before = ledger.account(ACCOUNT), ledger.open_positions(ACCOUNT), ledger.recent_fills(ACCOUNT, 9)
    assert ledger.book(done, BTC_USDT, minutes(5)) == first
    assert (ledger.account(ACCOUNT), ledger.open_positions(ACCOUNT), ledger.recent_fills(ACCOUNT, 9)) == before


def test_a_partial_fill_uses_up_its_part_of_the_reservation(ledger: Ledger) -> None:
    made = buy(ledger)
    first = fill("1", "0.0004")
    partly = ledger.book(report(made, OrderStatus.PARTIALLY_FILLED, first), BTC_USDT, START)
    assert (partly.status, partly.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.0004"))
    assert balance(ledger) == AssetBalance(Decimal("64.54"), Decimal("40"))
    assert ledger.unsettled_orders(ACCOUNT) == [partly]
    ledger.book(report(made, OrderStatus.FILLED, first, fill("2", "0.0006")), BTC_USDT, START)
    assert balance(ledger) == AssetBalance(Decimal("34.54"), Decimal(0))
    [position] = ledger.open_positions(ACCOUNT)
    assert position.bought_quantity == Decimal("0.001")


def test_a_cancelled_rest_is_released(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.book(report(made, OrderStatus.CANCELLED, fill("1", "0.0004")), BTC_USDT, START)
    assert balance(ledger) == AssetBalance(Decimal("64.54"), Decimal(0))
    assert len(ledger.open_positions(ACCOUNT)) == 1


def test_a_final_order_without_any_fill_opens_nothing(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.book(report(made, OrderStatus.EXPIRED), BTC_USDT, START)
    assert balance(ledger) == AssetBalance(Decimal("84.54"), Decimal(0))
    assert ledger.open_positions(ACCOUNT) == []


def test_fills_beyond_the_reservation_come_out_of_the_free_balance(ledger: Ledger) -> None:
    reserve(ledger, order(signal(9), "20"), 9)
    made = buy(ledger, "50")
    ledger.book(report(made, OrderStatus.FILLED, fill("1", "0.001", "60000")), BTC_USDT, START)
    assert balance(ledger) == AssetBalance(Decimal("24.54"), Decimal(20))


def test_what_even_the_free_balance_lacks_never_touches_other_reservations(ledger: Ledger) -> None:
    reserve(ledger, order(signal(9), "20"), 9)
    made = buy(ledger, "50")
    done = ledger.book(report(made, OrderStatus.FILLED, fill("1", "0.001", "70000")), BTC_USDT, START)
    assert done.status is OrderStatus.FILLED
    assert balance(ledger) == AssetBalance(Decimal(20), Decimal(20))
    assert balance(ledger, "BTC").total == Decimal("0.001")


def test_final_without_all_of_its_fills_is_not_believed_yet(ledger: Ledger) -> None:
    made = buy(ledger)
    lacking = report(made, OrderStatus.FILLED, fill("1", "0.0004"), filled=Decimal("0.001"))
    assert ledger.book(lacking, BTC_USDT, START).status is OrderStatus.PARTIALLY_FILLED
    assert balance(ledger).reserved == 40
    complete = report(made, OrderStatus.FILLED, fill("1", "0.0004"), fill("2", "0.0006"))
    assert ledger.book(complete, BTC_USDT, START).status is OrderStatus.FILLED


@pytest.mark.parametrize("stale", [OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED])
def test_a_stale_report_never_moves_a_final_order_back(ledger: Ledger, stale: OrderStatus) -> None:
    done = bought(ledger)
    before = ledger.account(ACCOUNT)
    assert ledger.book(report(done, stale), BTC_USDT, minutes(5)) == done
    assert ledger.account(ACCOUNT) == before


def test_a_stale_report_never_forgets_fills(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.book(report(made, OrderStatus.PARTIALLY_FILLED, fill("1", "0.0004")), BTC_USDT, START)
    again = ledger.book(report(made, OrderStatus.OPEN), BTC_USDT, START)
    assert (again.status, again.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.0004"))


def test_an_order_given_up_that_filled_after_all_is_booked(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.close_unfilled(made.client_order_id, rejected=False, why="lost", code="never_arrived", at=minutes(2))
    done = ledger.book(report(made, OrderStatus.FILLED, fill("1", "0.001")), BTC_USDT, minutes(3))
    assert done.status is OrderStatus.FILLED
    assert balance(ledger) == AssetBalance(Decimal("34.54"), Decimal(0))
    assert len(ledger.open_positions(ACCOUNT)) == 1


def test_selling_closes_the_position_and_leaves_the_dust(ledger: Ledger) -> None:
    bought(ledger)
    made = sell(ledger, "0.00099")
    assert balance(ledger, "BTC") == AssetBalance(Decimal("0.000999"), Decimal("0.00099"))
    gain = fill("s", "0.00099", "60000", fee="0.0594", fee_asset="USDT", at=minutes(9))
    ledger.book(report(made, OrderStatus.FILLED, gain), BTC_USDT, minutes(9))
    assert ledger.open_positions(ACCOUNT) == []
    assert ledger.last_closed_at(ACCOUNT, SYMBOL) == minutes(9)
    assert ledger.last_closed_at(ACCOUNT, "ETH/USDT") is None
    assert balance(ledger, "BTC") == AssetBalance(Decimal("0.000009"), Decimal(0))
    assert balance(ledger).total == Decimal("34.54") + Decimal("59.4") - Decimal("0.0594")


def test_closed_trades_tell_what_they_brought(ledger: Ledger) -> None:
    assert ledger.closed_trades(ACCOUNT, 10, strategy="trend_following") == []
    bought(ledger)
    assert ledger.closed_trades(ACCOUNT, 10, strategy="trend_following") == []  # it is still open
    for minute, price in ((9, "60000"), (19, "40000")):
        if minute == 19:
            bought(ledger, minute=10)
        made = sell(ledger, "0.00099", minute=minute)
        gain = fill(f"s{minute}", "0.00099", price, fee="0.05", fee_asset="USDT", at=minutes(minute))
        ledger.book(report(made, OrderStatus.FILLED, gain), BTC_USDT, minutes(minute))

    newest, oldest = ledger.closed_trades(ACCOUNT, 10, strategy="trend_following")
    assert (newest.closed_at, oldest.closed_at) == (minutes(19), minutes(9))
    assert oldest.invested_quote == newest.invested_quote == Decimal(50)
    cost = Decimal(50) * Decimal("0.00099") / Decimal("0.000999")
    assert oldest.return_on_cost == (Decimal("59.4") - Decimal("0.05") - cost) / 50
    assert newest.return_on_cost is not None
    assert newest.return_on_cost < 0
    assert ledger.closed_trades(ACCOUNT, 1, strategy="trend_following") == [newest]
    assert ledger.closed_trades(ACCOUNT, 10, strategy="mean_reversion") == []


def test_a_position_holds_no_more_than_there_is(ledger: Ledger) -> None:
    assert ledger.cut_position(ACCOUNT, BTC_USDT, minutes(3)) is None
    bought(ledger)
    [before], state = ledger.open_positions(ACCOUNT), ledger.account(ACCOUNT)
    assert ledger.cut_position(ACCOUNT, BTC_USDT, minutes(3)) is None
    assert ledger.account(ACCOUNT) == state
    _left_with(ledger, "0.000333")

    cut = ledger.cut_position(ACCOUNT, BTC_USDT, minutes(4))

    assert cut is not None
    assert ledger.open_positions(ACCOUNT) == [cut]
    assert (cut.quantity, cut.realized_pnl_quote) == (Decimal("0.000333"), Decimal(0))
    assert cut.cost_quote == cut.invested_quote == before.cost_quote / 3
    assert ledger.account(ACCOUNT).revision == state.revision + 2
    assert ledger.cut_position(ACCOUNT, BTC_USDT, minutes(5)) is None
    made = sell(ledger, "0.00033")
    ledger.book(report(made, OrderStatus.FILLED, fill("s", "0.00033", "60000", fee_asset="USDT")), BTC_USDT, START)
    [trade] = ledger.closed_trades(ACCOUNT, 10, strategy="trend_following")
    assert trade.return_on_cost is not None
    assert Decimal("0.19") < trade.return_on_cost < Decimal("0.2")  # as if the rest had never been bought


def test_what_no_order_can_sell_is_left_and_moves_into_the_next_position(ledger: Ledger) -> None:
    pair = replace(BTC_USDT, min_notional_quote=Decimal(5))
    assert ledger.close_dust(ACCOUNT, pair, Decimal(1000), minutes(3)) is None
    bought(ledger)
    [before], state = ledger.open_positions(ACCOUNT), ledger.account(ACCOUNT)
    assert ledger.close_dust(ACCOUNT, pair, Decimal(50000), minutes(3)) is None
    assert ledger.account(ACCOUNT) == state

    left = ledger.close_dust(ACCOUNT, pair, Decimal(5000), minutes(4))

    assert left is not None
    assert (left.closed_at, left.quantity, left.cost_quote) == (minutes(4), before.quantity, before.cost_quote)
    assert ledger.open_positions(ACCOUNT) == ledger.closed_trades(ACCOUNT, 10) == []
    assert ledger.account(ACCOUNT) == replace(state, revision=state.revision + 1)
    assert ledger.close_dust(ACCOUNT, pair, Decimal(5000), minutes(5)) is None
    bought(ledger, "0.0004", minute=5)
    [position] = ledger.open_positions(ACCOUNT)
    assert (position.quantity, position.cost_quote) == (before.quantity + Decimal("0.0003996"), before.cost_quote + 20)


def test_what_left_unsold_is_no_trade(ledger: Ledger) -> None:
    bought(ledger)
    _left_with(ledger, "0.000009")

    cut = ledger.cut_position(ACCOUNT, BTC_USDT, minutes(4))

    assert cut is not None
    assert (cut.closed_at, cut.quantity) == (minutes(4), Decimal("0.000009"))
    assert ledger.open_positions(ACCOUNT) == []
    assert ledger.last_closed_at(ACCOUNT, SYMBOL) == minutes(4)
    _left_with(ledger, "0")
    bought(ledger, minute=5)  # the dust of before has left, too
    ledger.cut_position(ACCOUNT, BTC_USDT, minutes(6))
    [position] = ledger.open_positions(ACCOUNT)
    assert position.quantity == Decimal("0.000999")
    _left_with(ledger, "0")
    ledger.cut_position(ACCOUNT, BTC_USDT, minutes(7))
    assert ledger.closed_trades(ACCOUNT, 10) == []


def _left_with(ledger: Ledger, bitcoin: str) -> None:
    state = ledger.account(ACCOUNT)
    totals = {"USDT": Decimal(500), "BTC": Decimal(bitcoin)}
    assert ledger.reconcile(ACCOUNT, totals, at_revision=state.revision, at=minutes(3))


def test_dust_moves_into_the_next_position(ledger: Ledger) -> None:
    bought(ledger)
    made = sell(ledger, "0.00099")
    ledger.book(report(made, OrderStatus.FILLED, fill("s", "0.00099", "50000", fee_asset="USDT")), BTC_USDT, START)
    bought(ledger, minute=5)
    [position] = ledger.open_positions(ACCOUNT)
    assert position.quantity == Decimal("0.000999") + Decimal("0.000009")
    assert position.entry_candle_close == minutes(5)
    assert balance(ledger, "BTC").total == position.quantity


def test_a_second_buy_adds_to_the_position(ledger: Ledger) -> None:
    bought(ledger, "0.0005")
    bought(ledger, "0.0005", minute=5)
    [position] = ledger.open_positions(ACCOUNT)
    assert position.bought_quantity == Decimal("0.001")
    assert position.entry_candle_close == minutes(1)


def test_late_fills_of_an_exit_belong_to_the_closed_position(ledger: Ledger) -> None:
    coarse = instrument(min_quantity=Decimal("0.0002"))
    bought(ledger)
    made = sell(ledger, "0.00099")
    first, last = fill("s1", "0.0009", fee_asset="USDT"), fill("s2", "0.00009", fee_asset="USDT", at=minutes(3))
    ledger.book(report(made, OrderStatus.PARTIALLY_FILLED, first), coarse, START)
    assert ledger.open_positions(ACCOUNT) == []
    ledger.book(report(made, OrderStatus.FILLED, first, last), coarse, START)
    assert ledger.last_closed_at(ACCOUNT, SYMBOL) == minutes(3)
    assert ledger.open_positions(ACCOUNT) == []
    assert balance(ledger, "BTC").total == Decimal("0.000009")


def test_totals_are_not_compared_while_an_order_is_in_flight(ledger: Ledger) -> None:
    made = buy(ledger)
    revision = ledger.account(ACCOUNT).revision
    assert not ledger.reconcile(ACCOUNT, {"USDT": Decimal(1)}, at_revision=revision, at=minutes(2))
    ledger.close_unfilled(made.client_order_id, rejected=True, why="no", code="-1", at=minutes(2))
    assert not ledger.reconcile(ACCOUNT, {"USDT": Decimal(1)}, at_revision=revision, at=minutes(2))
    assert balance(ledger).total == Decimal("84.54")
    revision = ledger.account(ACCOUNT).revision
    assert ledger.reconcile(ACCOUNT, {"USDT": Decimal(1)}, at_revision=revision, at=minutes(2))
    assert balance(ledger).total == 1


def test_exits_are_taken_up_first_then_the_oldest(ledger: Ledger) -> None:
    bought(ledger)
    late = reserve(ledger, order(signal(8), "10", at=minutes(8)), 8)
    early = reserve(ledger, order(signal(7), "10", at=minutes(7)), 7)
    exiting = sell(ledger, "0.0005", minute=9)
    waiting = [o.client_order_id for o in ledger.unsettled_orders(ACCOUNT)]
    assert waiting == [exiting.client_order_id, early.client_order_id, late.client_order_id]
    assert ledger.account(ACCOUNT).orders_in_flight == 3
    newest = [o.client_order_id for o in ledger.recent_orders(ACCOUNT, 2)]
    assert newest == [exiting.client_order_id, late.client_order_id]


def test_exit_legs_are_counted_per_signal(ledger: Ledger) -> None:
    bought(ledger)
    subject = signal(2, Direction.SHORT)
    assert ledger.exit_legs(ACCOUNT, subject.signal_id) == 0
    made = sell(ledger, "0.0005")
    ledger.close_unfilled(made.client_order_id, rejected=True, why="no", code="-1", at=START)
    sell(ledger, "0.0005", leg=SECOND_EXIT)
    assert ledger.exit_legs(ACCOUNT, subject.signal_id) == 2
    assert ledger.exit_legs(ACCOUNT, signal(1).signal_id) == 0


def test_fills_of_one_order_come_newest_first(ledger: Ledger) -> None:
    made = buy(ledger)
    fills = [fill(str(n), "0.0002", at=minutes(n)) for n in range(5)]
    ledger.book(report(made, OrderStatus.FILLED, *reversed(fills)), BTC_USDT, START)
    assert [f for _, _, f in ledger.recent_fills(ACCOUNT, 2)] == [fills[4], fills[3]]


def test_trade_ids_count_per_symbol(ledger: Ledger) -> None:
    ether: Instrument = instrument("ETH/USDT")
    one, two = buy(ledger, "20", 1), buy(ledger, "20", 2, symbol="ETH/USDT")
    ledger.book(report(one, OrderStatus.FILLED, fill("7", "0.001", "10000")), BTC_USDT, START)
    ledger.book(report(two, OrderStatus.FILLED, fill("7", "0.001", "10000", fee_asset="ETH")), ether, START)
    assert {p.symbol for p in ledger.open_positions(ACCOUNT)} == {SYMBOL, "ETH/USDT"}
    assert balance(ledger).total == Decimal("64.54")


def test_a_limit_order_keeps_its_prices_and_its_time_limit(ledger: Ledger) -> None:
    made = replace(
        order(signal(), "10"),
        kind=OrderKind.LIMIT,
        limit_price=Decimal("49999.01"),
        list_id="tplist",
        expires_at=minutes(3),
    )
    assert ledger.order(reserve(ledger, made).client_order_id) == made
    stop = replace(
        order(signal(2), "10"), kind=OrderKind.STOP_LOSS, limit_price=Decimal(48000), stop_price=Decimal(48100)
    )
    assert ledger.order(reserve(ledger, stop, 2).client_order_id) == stop


def test_the_events_of_an_order_give_its_state(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.mark_unknown(made.client_order_id, "timeout", minutes(2))
    ledger.request_cancel(made.client_order_id, "its time is up", minutes(3))
    first, second = fill("1", "0.0004", at=minutes(3)), fill("2", "0.0001", at=minutes(4))
    ledger.book(report(made, OrderStatus.PARTIALLY_FILLED, first), BTC_USDT, minutes(4))
    ledger.book(report(made, OrderStatus.CANCELLED, first, second), BTC_USDT, minutes(5))

    events = ledger.order_events(made.client_order_id)

    assert [(event.kind, event.status, event.at) for event in events] == [
        ("intended", "intended", minutes(1)),
        ("submitted", "submitted", minutes(1)),
        ("marked_unknown", "unknown", minutes(2)),
        ("cancel_requested", "unknown", minutes(3)),
        ("found", "open", minutes(4)),
        ("partially_filled", "partially_filled", minutes(4)),
        ("cancelled", "cancelled", minutes(5)),
    ]
    assert [event.trade_ids for event in events[-2:]] == [("1",), ("2",)]
    assert {event.venue_order_id for event in events[4:]} == {"venue-1"}
    stored = ledger.order(made.client_order_id)
    assert stored is not None
    assert stored.cancel_requested_at == minutes(3)
    assert replay(stored, events) == stored


def test_a_cancel_that_never_arrived_is_forgotten_unless_it_was_made_again(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.book(report(made, OrderStatus.OPEN), BTC_USDT, minutes(2))
    ledger.request_cancel(made.client_order_id, "its time is up", minutes(3))
    ledger.request_cancel(made.client_order_id, "its time is up", minutes(4))

    ledger.forget_cancel(made.client_order_id, minutes(3), "it never arrived", minutes(5))
    stored = ledger.order(made.client_order_id)
    assert stored is not None
    assert stored.cancel_requested_at == minutes(4)

    ledger.forget_cancel(made.client_order_id, minutes(4), "it never arrived", minutes(6))
    stored = ledger.order(made.client_order_id)
    assert stored is not None
    assert (stored.status, stored.cancel_requested_at) == (OrderStatus.OPEN, None)
    events = ledger.order_events(made.client_order_id)
    assert (events[-1].kind, events[-1].reason) == ("cancel_lapsed", "it never arrived")
    assert replay(stored, events) == stored

    ledger.book(report(made, OrderStatus.CANCELLED), BTC_USDT, minutes(7))
    ledger.forget_cancel(made.client_order_id, minutes(4), "it never arrived", minutes(8))
    assert ledger.order_events(made.client_order_id)[-1].kind == "cancelled"


def test_a_refusal_keeps_the_venues_code(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.close_unfilled(made.client_order_id, rejected=True, why="too little", code="-2010", at=minutes(2))
    last = ledger.order_events(made.client_order_id)[-1]
    assert (last.kind, last.reason, last.code) == ("rejected", "too little", "-2010")


def test_an_order_without_events_is_not_known(ledger: Ledger) -> None:
    assert ledger.order_events("tpnobody") == []


@pytest.mark.parametrize("status", [None, OrderStatus.FILLED, OrderStatus.CANCELLED])
def test_only_what_was_sent_and_has_not_ended_can_be_cancelled(ledger: Ledger, status: OrderStatus | None) -> None:
    made = reserve(ledger, order(signal(), "60"))
    if status is not None:
        ledger.mark_submitted(made.client_order_id, minutes(1))
        ledger.book(report(made, status, fill("1", "0.001")), BTC_USDT, minutes(2))
    before = ledger.order(made.client_order_id)
    with pytest.raises(TransitionForbidden):
        ledger.request_cancel(made.client_order_id, "no reason", minutes(3))
    with pytest.raises(TransitionForbidden):
        ledger.request_cancel("tpnobody", "no reason", minutes(3))
    assert ledger.order(made.client_order_id) == before


def test_a_report_that_cannot_be_true_changes_nothing(ledger: Ledger) -> None:
    made = buy(ledger)
    ledger.book(report(made, OrderStatus.PARTIALLY_FILLED, fill("1", "0.0004")), BTC_USDT, minutes(2))
    before, events = ledger.account(ACCOUNT), ledger.order_events(made.client_order_id)
    with pytest.raises(TransitionForbidden, match="rejected"):
        ledger.book(report(made, OrderStatus.REJECTED, fill("1", "0.0004")), BTC_USDT, minutes(3))
    assert ledger.account(ACCOUNT) == before
    assert ledger.order_events(made.client_order_id) == events


def test_an_order_that_takes_anothers_place_is_told_there(ledger: Ledger) -> None:
    made = buy(ledger, "10")
    ledger.book(report(made, OrderStatus.CANCELLED), BTC_USDT, minutes(2))
    second = order(signal(), "10", leg=Leg(LegKind.ENTRY, 2), at=minutes(3))
    approval = decision(signal(), Leg(LegKind.ENTRY, 2), message="buy at 49999")
    ledger.reserve(second, approval, replaces=made.client_order_id)

    last = ledger.order_events(made.client_order_id)[-1]
    assert (last.kind, last.status, last.reason) == ("repriced", "cancelled", "entry2: buy at 49999")
    assert last.details == {"by": second.client_order_id}
    assert ledger.orders_of_signal(ACCOUNT, signal().signal_id) == [ledger.order(made.client_order_id), second]
    assert ledger.orders_of_signal("other", signal().signal_id) == []


def test_nothing_takes_the_place_of_an_order_that_has_not_ended(ledger: Ledger) -> None:
    made = buy(ledger, "10")
    ledger.book(report(made, OrderStatus.OPEN), BTC_USDT, minutes(2))
    before = ledger.account(ACCOUNT)
    second = order(signal(), "10", leg=Leg(LegKind.ENTRY, 2), at=minutes(3))
    for old in (made.client_order_id, "tpnobody"):
        with pytest.raises(TransitionForbidden, match="hasn't ended"):
            ledger.reserve(second, decision(signal(), Leg(LegKind.ENTRY, 2)), replaces=old)
    assert ledger.account(ACCOUNT) == before
    assert ledger.order(second.client_order_id) is None


def test_fills_of_an_order_are_its_own(ledger: Ledger) -> None:
    first, second = bought(ledger, "0.0005"), buy(ledger, "30", minute=2)
    new = [fill("b", "0.0002", at=minutes(4)), fill("a", "0.0001", at=minutes(3))]
    ledger.book(report(second, OrderStatus.PARTIALLY_FILLED, *new), BTC_USDT, minutes(5))
    assert [each.venue_trade_id for each in ledger.fills_of(first.client_order_id)] == ["buy 1"]
    assert ledger.fills_of(second.client_order_id) == [new[1], new[0]]


def test_asking_is_noted_and_is_no_event(ledger: Ledger) -> None:
    made = buy(ledger)
    events, revision = ledger.order_events(made.client_order_id), ledger.account(ACCOUNT).revision
    ledger.note_asked(made.client_order_id, minutes(7))
    ledger.note_asked("tpnobody", minutes(7))
    stored = ledger.order(made.client_order_id)
    assert stored is not None
    assert stored.asked_at == minutes(7)
    assert ledger.order_events(made.client_order_id) == events
    assert ledger.account(ACCOUNT).revision == revision
