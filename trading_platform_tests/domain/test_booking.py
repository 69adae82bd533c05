from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.booking import Reservation, balance_changes, book_balance, book_position, book_report
from trading_platform.domain.order import OrderStatus, Side
from trading_platform_tests.support.examples import fill, instrument, minutes, order, report, signal

PAIR = instrument()
BUY = replace(order(signal(), "60"), status=OrderStatus.SUBMITTED)
SELL = replace(order(signal(), "0.001", side=Side.SELL), status=OrderStatus.SUBMITTED)
ZERO = Decimal(0)
HELD = Reservation(BUY.reserved_amount)

money = st.decimals("0", "1000", places=4)
quantities = st.integers(1, 1000).map(lambda lots: Decimal(lots) / 100_000)
fills = st.lists(st.tuples(quantities, st.decimals("1", "90000", places=2)), max_size=6).map(
    lambda rows: [fill(str(n), quantity, price, at=minutes(n)) for n, (quantity, price) in enumerate(rows)]
)


def test_a_buy_and_its_sale_cost_the_fees_only() -> None:
    bought = balance_changes(Side.BUY, [fill("1", "0.001", fee="0.000001")], PAIR)
    sold = balance_changes(Side.SELL, [fill("2", "0.001", fee="0.05", fee_asset="USDT")], PAIR)
    assert bought == {"BTC": Decimal("0.000999"), "USDT": Decimal(-50)}
    assert sold == {"BTC": Decimal("-0.001"), "USDT": Decimal("49.95")}


def test_a_fee_in_a_third_asset_is_a_change_of_its_own() -> None:
    changes = balance_changes(Side.BUY, [fill("1", "0.001", fee="0.1", fee_asset="BNB")], PAIR)
    assert changes == {"BTC": Decimal("0.001"), "USDT": Decimal(-50), "BNB": Decimal("-0.1")}


shares = st.decimals("0", "1", places=4)


@given(total=money, share=shares, released_share=shares, change=st.decimals("-2000", "2000", places=4))
def test_a_booked_balance_keeps_its_invariant(
    total: Decimal, share: Decimal, released_share: Decimal, change: Decimal
) -> None:
    reserved = total * share
    released = reserved * released_share
    booked = book_balance(total, reserved, change, released)
    assert 0 <= booked.reserved == reserved - released
    assert booked.reserved <= booked.total
    assert booked.total - booked.missing == total + change
    assert booked.missing == 0 or booked.total == booked.reserved


@given(made=fills, split=st.integers(0, 6), status=st.sampled_from([OrderStatus.FILLED, OrderStatus.CANCELLED]))
def test_booking_in_two_steps_comes_to_the_same_as_at_once(made: list, split: int, status: OrderStatus) -> None:  # type: ignore[type-arg]
    at_once = book_report(BUY, HELD, (), report(BUY, status, *made), PAIR)
    first = book_report(BUY, HELD, (), report(BUY, OrderStatus.PARTIALLY_FILLED, *made[:split]), PAIR)
    between = replace(BUY, status=first.status, filled_quantity=first.filled_quantity)
    booked = {each.venue_trade_id for each in first.fills}
    second = book_report(between, first.reservation, booked, report(BUY, status, *made), PAIR)
    assert (second.status, second.filled_quantity, second.reservation.held) == (status, at_once.filled_quantity, ZERO)
    assert first.fills + second.fills == at_once.fills
    for asset in at_once.changes:
        assert first.changes.get(asset, ZERO) + second.changes.get(asset, ZERO) == at_once.changes[asset]


@given(made=fills)
def test_a_reservation_only_ever_shrinks(made: list) -> None:  # type: ignore[type-arg]
    booking = book_report(BUY, HELD, (), report(BUY, OrderStatus.PARTIALLY_FILLED, *made), PAIR)
    spent = sum((each.quote_amount for each in made), ZERO)
    assert booking.reservation.held == max(BUY.reserved_amount - spent, ZERO)


def test_a_sale_reserves_base() -> None:
    booking = book_report(
        SELL, Reservation(Decimal("0.001")), (), report(SELL, OrderStatus.PARTIALLY_FILLED, fill("1", "0.0004")), PAIR
    )
    assert booking.reservation.held == Decimal("0.0006")


def test_the_same_trade_twice_in_a_report_counts_once() -> None:
    twice = [fill("1", "0.001")] * 2
    told = report(BUY, OrderStatus.FILLED, *twice, filled=Decimal("0.001"))
    booking = book_report(BUY, HELD, (), told, PAIR)
    assert booking.filled_quantity == Decimal("0.001")


@pytest.mark.parametrize("final", [status for status in OrderStatus if status.is_final])
@pytest.mark.parametrize("told", [OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, *OrderStatus])
def test_a_final_order_stays_final(final: OrderStatus, told: OrderStatus) -> None:
    done = replace(BUY, status=final)
    without = book_report(done, Reservation(ZERO), (), report(BUY, told), PAIR)
    assert without.status is final
    late = book_report(done, Reservation(ZERO), (), report(BUY, told, fill("1", "0.001")), PAIR)
    assert late.status.is_final
    assert late.reservation.held == 0
    assert len(late.fills) == 1


def test_fills_that_close_no_position_open_none() -> None:
    booking = book_position(None, SELL, minutes(1), [fill("1", "0.001")], PAIR)
    assert (booking.known, booking.opened) == (None, None)


def test_without_fills_the_position_stays() -> None:
    opened = book_position(None, BUY, minutes(1), [fill("1", "0.001")], PAIR).opened
    assert opened is not None
    assert book_position(opened, BUY, minutes(2), [], PAIR).known is opened
