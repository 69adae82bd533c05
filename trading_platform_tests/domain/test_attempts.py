"""Which order may follow the last one of an entry."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.attempts import (
    HARMLESS_TO_REPEAT,
    LimitRules,
    NextStep,
    filled_quantity,
    next_step,
    wait_after,
)
from trading_platform.domain.order import Order, OrderKind, OrderStatus
from trading_platform_tests.support.examples import START, minutes, order, signal

MARKET = order(signal(), "60")
LIMIT = replace(MARKET, kind=OrderKind.LIMIT, limit_price=Decimal(50000), venue_order_id="1", cancel_requested_at=START)
UNASKED = replace(LIMIT, cancel_requested_at=None)
RULES = LimitRules(most_reprices=2, crosses_at_last=False)
LATER = minutes(10)


def ended(base: Order, status: OrderStatus, filled: str = "0") -> Order:
    return replace(base, status=status, filled_quantity=Decimal(filled))


def test_the_first_order_follows_nothing() -> None:
    assert next_step((), None, RULES, START) is NextStep.FIRST


@pytest.mark.parametrize("status", [status for status in OrderStatus if not status.is_final])
def test_nothing_follows_an_order_whose_end_is_not_known(status: OrderStatus) -> None:
    assert next_step([ended(LIMIT, status)], None, RULES, LATER) is NextStep.WAIT


@pytest.mark.parametrize("code", sorted(HARMLESS_TO_REPEAT))
def test_a_harmless_refusal_is_repeated_after_a_while(code: str) -> None:
    refused = [ended(MARKET, OrderStatus.REJECTED)]
    assert next_step(refused, code, RULES, START) is NextStep.WAIT
    assert next_step(refused, code, RULES, START + wait_after(1)) is NextStep.REPEAT


@pytest.mark.parametrize("code", ["-1013", "-2010", "-1111", "-1104", None])
def test_a_refusal_of_the_order_itself_is_never_repeated(code: str | None) -> None:
    assert next_step([ended(MARKET, OrderStatus.REJECTED)], code, RULES, LATER) is NextStep.GIVE_UP


def test_an_order_that_never_arrived_is_not_repeated() -> None:
    for base in (MARKET, replace(LIMIT, venue_order_id=None)):
        assert next_step([ended(base, OrderStatus.EXPIRED)], "never_arrived", RULES, LATER) is NextStep.GIVE_UP


@pytest.mark.parametrize(
    ("last", "step"),
    [
        (ended(MARKET, OrderStatus.FILLED, "0.001"), NextStep.DONE),
        (ended(LIMIT, OrderStatus.FILLED, "0.001"), NextStep.DONE),
        (ended(MARKET, OrderStatus.EXPIRED, "0.0004"), NextStep.DONE),
        (ended(MARKET, OrderStatus.EXPIRED), NextStep.GIVE_UP),
        (ended(LIMIT, OrderStatus.CANCELLED), NextStep.REPRICE),
        (ended(LIMIT, OrderStatus.CANCELLED, "0.0004"), NextStep.REPRICE),
        (ended(LIMIT, OrderStatus.EXPIRED), NextStep.REPRICE),
        (ended(UNASKED, OrderStatus.CANCELLED), NextStep.GIVE_UP),
        (ended(UNASKED, OrderStatus.CANCELLED, "0.0004"), NextStep.DONE),
        (ended(UNASKED, OrderStatus.EXPIRED), NextStep.GIVE_UP),
    ],
)
def test_what_follows_an_order_that_ended(last: Order, step: NextStep) -> None:
    assert next_step([last], None, RULES, LATER) is step


@pytest.mark.parametrize(
    ("legs", "crosses", "step"),
    [
        (2, False, NextStep.REPRICE),
        (3, False, NextStep.GIVE_UP),
        (2, True, NextStep.REPRICE),
        (3, True, NextStep.CROSS),
    ],
)
def test_repricing_is_bounded_and_may_end_at_market(legs: int, crosses: bool, step: NextStep) -> None:
    cancelled = [ended(LIMIT, OrderStatus.CANCELLED)] * legs
    assert next_step(cancelled, None, LimitRules(2, crosses), LATER) is step


def test_refused_orders_do_not_use_up_the_reprices() -> None:
    refused = ended(replace(LIMIT, venue_order_id=None), OrderStatus.REJECTED)
    rested = ended(LIMIT, OrderStatus.CANCELLED)
    assert next_step([rested, refused, rested, refused, rested], None, RULES, LATER) is NextStep.GIVE_UP
    assert next_step([rested, refused, refused, rested], None, RULES, LATER) is NextStep.REPRICE


def test_all_fills_count() -> None:
    legs = [ended(LIMIT, OrderStatus.CANCELLED, "0.0004"), ended(LIMIT, OrderStatus.CANCELLED, "0.0001")]
    assert filled_quantity(legs) == Decimal("0.0005")


def test_waits_double_up_to_a_minute() -> None:
    assert [wait_after(tried).total_seconds() for tried in (1, 2, 3, 7, 1000)] == [1, 2, 4, 60, 60]
