from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.order import Order, OrderKind, OrderStatus, Side
from trading_platform.domain.position import Position
from trading_platform.domain.protection import (
    Attempt,
    Leave,
    Levels,
    Place,
    Sell,
    SellReason,
    Step,
    Withdraw,
    attempts,
    first_levels,
    known_levels,
    next_step,
    trailed_stop,
)
from trading_platform.domain.signal import Leg, LegKind
from trading_platform.settings import ProtectionSettings
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL, instrument, minutes, order, signal

PAIR = instrument()
HELD = Decimal("0.001")
POSITION = Position(ACCOUNT, SYMBOL, "trend_following", minutes(1), minutes(1), HELD, HELD, Decimal(50))
RULES = ProtectionSettings(
    stop="percent", stop_percent=Decimal(2), target="percent", target_percent=Decimal(4), trailing=False
).rules
TRAILING = ProtectionSettings(stop="percent", stop_percent=Decimal(2), target="none").rules

prices = st.decimals("100", "90000", places=2)


def _attempt(number: int = 1, status: OrderStatus = OrderStatus.OPEN, **changes: object) -> Attempt:
    stop = order(signal(), HELD, side=Side.SELL, leg=Leg(LegKind.STOP, number))
    target = order(signal(), "0", side=Side.SELL, leg=Leg(LegKind.TARGET, number))
    return Attempt(
        number,
        replace(stop, **{"kind": OrderKind.STOP_LOSS, "stop_price": Decimal(49000), "status": status, **changes}),  # type: ignore[arg-type]
        replace(target, kind=OrderKind.TAKE_PROFIT, limit_price=Decimal(52000), status=status),
    )


def _alone(number: int = 1, status: OrderStatus = OrderStatus.OPEN, **changes: object) -> Attempt:
    return replace(_attempt(number, status, **changes), target=None)


def _step(made: Sequence[Attempt] = (), price: str | None = "50000", **changes: object) -> Step:
    asked: dict[str, object] = {
        "price": None if price is None else Decimal(price),
        "atr": None,
        "now": minutes(2),
        "rules": RULES,
        "instrument": PAIR,
        **changes,
    }
    return next_step(POSITION, HELD, made, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("atr", "stop"),
    [("100", "49500"), ("300", "49100"), ("9000", "46000"), (None, "49000"), ("0", "49000")],
    ids=[
        "no nearer than one percent",
        "three ranges",
        "no farther than eight",
        "unknown",
        "a market that stands still",
    ],
)
def test_a_stop_by_average_true_ranges_keeps_within_its_bounds(atr: str | None, stop: str) -> None:
    rules = ProtectionSettings().rules
    levels = first_levels(Decimal(50000), None if atr is None else Decimal(atr), rules, PAIR)
    assert levels.stop == Decimal(stop)
    assert levels.target == 50000 + 2 * (50000 - Decimal(stop))


@given(price=prices, atr=st.decimals("0.01", "9000", places=2))
def test_first_levels_lie_on_the_grid_on_both_sides_of_the_entry(price: Decimal, atr: Decimal) -> None:
    levels = first_levels(price, atr, ProtectionSettings().rules, PAIR)
    assert levels.target is not None
    assert 0 < levels.stop < price < levels.target
    assert levels.stop % PAIR.tick_size == levels.target % PAIR.tick_size == 0


@given(path=st.lists(prices, min_size=1, max_size=30))
def test_a_trailing_stop_is_only_ever_raised_and_stays_below_the_price(path: list[Decimal]) -> None:
    stop = Decimal(49000)
    for price in path:
        raised = trailed_stop(stop, Decimal(50000), price, TRAILING)
        if raised is not None:
            assert stop < raised < price
            stop = raised


def test_a_new_position_gets_both() -> None:
    assert _step() == Place(HELD, Levels(Decimal(49000), Decimal(52000)), None)


def test_a_stop_is_placed_without_knowing_the_price() -> None:
    assert isinstance(_step(price=None), Place)


def test_a_stop_limit_lies_below_its_stop() -> None:
    step = _step(rules=replace(RULES, stop_limit_offset_percent=Decimal(1)))
    assert isinstance(step, Place)
    assert step.stop_limit == Decimal(48510)


@pytest.mark.parametrize(
    ("price", "reason"), [("49000", SellReason.STOP_REACHED), ("52000", SellReason.TARGET_REACHED)]
)
def test_a_level_that_is_reached_before_anything_rests_is_sold_at(price: str, reason: SellReason) -> None:
    step = _step(price=price)
    assert isinstance(step, Sell)
    assert step.reason is reason
    assert isinstance(_step([_attempt()], price=price), Leave)  # what rests is the venue's business


def test_a_target_too_far_for_the_venue_is_left_out() -> None:
    near = replace(PAIR, max_sell_price_ratio=Decimal("1.03"))
    step = _step(instrument=near)
    assert isinstance(step, Place)
    assert step.levels == Levels(Decimal(49000), None)


def test_a_stops_limit_too_far_for_the_venue_is_left_out() -> None:
    near = replace(PAIR, min_sell_price_ratio=Decimal("0.98"))
    step = _step(instrument=near, rules=replace(RULES, stop_limit_offset_percent=Decimal(1)))
    assert isinstance(step, Place)
    assert step.stop_limit is None


def test_what_is_below_the_minimum_at_its_stop_is_sold() -> None:
    step = _step(instrument=replace(PAIR, min_notional_quote=Decimal("49.5")))
    assert isinstance(step, Sell)
    assert step.reason is SellReason.TOO_SMALL_FOR_A_STOP
    assert step.reason.is_emergency


def test_a_refused_list_is_followed_by_a_stop_alone_and_that_by_a_sale() -> None:
    alone = _step([_attempt(status=OrderStatus.REJECTED)])
    assert isinstance(alone, Place)
    assert alone.levels.target is None
    step = _step([_attempt(status=OrderStatus.REJECTED), _alone(2, OrderStatus.REJECTED)])
    assert isinstance(step, Sell)
    assert step.reason is SellReason.STOP_REFUSED


@pytest.mark.parametrize("status", [OrderStatus.EXPIRED, OrderStatus.CANCELLED])
def test_a_list_that_is_gone_is_placed_again(status: OrderStatus) -> None:
    assert _step([_attempt(status=status)]) == Place(HELD, Levels(Decimal(49000), Decimal(52000)), None)


def test_a_list_is_placed_again_on_the_grid_that_the_venue_has_by_then() -> None:
    coarser = replace(PAIR, tick_size=Decimal(7))
    step = _step([_attempt(status=OrderStatus.CANCELLED)], instrument=coarser)
    assert step == Place(HELD, Levels(Decimal(49000), Decimal(52003)), None)
    assert isinstance(_step([_attempt()], instrument=replace(PAIR, tick_size=Decimal(11))), Leave)


@given(tick=st.integers(1, 4000), price=st.integers(50000, 51999))
def test_a_stop_that_is_taken_back_to_rise_comes_to_lie_higher_however_coarse_the_grid(tick: int, price: int) -> None:
    def step(*made: Attempt) -> Step:
        return _step(made, str(price), instrument=replace(PAIR, tick_size=Decimal(tick)), rules=TRAILING)

    stop = Decimal(49000 // tick * tick)
    if isinstance(step(_attempt(stop_price=stop)), Withdraw):
        taken_back = _attempt(stop_price=stop, status=OrderStatus.CANCELLED)
        raised = step(taken_back)
        assert isinstance(raised, Place)
        assert raised.levels.stop > stop
        assert isinstance(step(taken_back, _attempt(2, stop_price=raised.levels.stop)), Leave)


@pytest.mark.parametrize("status", [OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN])
def test_what_the_venue_made_of_a_list_is_waited_for(status: OrderStatus) -> None:
    step = _step([_attempt(status=status)], now=minutes(2) + timedelta(days=30))
    assert isinstance(step, Leave)
    assert not step.is_protected


@pytest.mark.parametrize(
    "made",
    [
        _alone(quantity=HELD / 2),
        _alone(cancel_requested_at=minutes(1)),
        replace(_attempt(), stop=_attempt(status=OrderStatus.EXPIRED).stop),
    ],
    ids=["another quantity", "half taken back", "a target without its stop"],
)
def test_what_no_longer_fits_is_taken_back(made: Attempt) -> None:
    assert isinstance(_step([made]), Withdraw)


def test_a_price_past_the_stops_limit_sells() -> None:
    made = _alone(limit_price=Decimal(48900))
    assert isinstance(_step([made], price="48950"), Leave)
    assert isinstance(_step([made], price="48800"), Sell)


def test_the_time_of_a_position_is_the_venues() -> None:
    rules = replace(RULES, max_holding=timedelta(hours=1))
    assert isinstance(_step([_attempt()], now=minutes(61), rules=rules), Leave)
    late = _step([_attempt()], now=minutes(62), rules=rules)
    assert isinstance(late, Sell)
    assert late.reason is SellReason.HELD_TOO_LONG


def test_levels_in_force_are_the_highest_stop_and_the_first_target() -> None:
    raised = _attempt(2, stop_price=Decimal(50500))
    refused = _attempt(3, status=OrderStatus.REJECTED)
    assert known_levels([_attempt(), raised, refused]) == Levels(Decimal(50500), Decimal(52000))
    assert known_levels([]) is None


def test_attempts_are_read_from_a_signals_orders() -> None:
    other: Order = order(signal(), "51")
    pairs = [_attempt(2), _alone(10), _attempt()]
    orders = [other, *(each for made in pairs for each in made.orders)]
    assert [(made.number, made.target is None) for made in attempts(orders)] == [(1, False), (2, False), (10, True)]


def test_a_stop_is_told_without_the_zeros_of_the_exchanges_grid() -> None:
    step = Place(Decimal("0.01130000"), Levels(Decimal("2187.38000000"), Decimal("2280.00000000")), None)

    assert step.summary == "sell 0.0113 at 2187.38 or at 2280"
    assert Place(Decimal(20), Levels(Decimal("5.10"), None), Decimal("5.00")).summary == (
        "sell 20 at 5.1 (not below 5)"
    )
