"""Typed events, the table of transitions, and state as what the events left."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.booking import Reservation, book_report
from trading_platform.domain.errors import TransitionForbidden
from trading_platform.domain.order import Order, OrderStatus
from trading_platform.domain.order_machine import (
    TRANSITIONS,
    OrderEvent,
    OrderEventKind,
    allows,
    apply,
    happened,
    intent_of,
    replay,
    reported,
)
from trading_platform_tests.support.examples import START, fill, instrument, minutes, order, report, signal

S, K = OrderStatus, OrderEventKind
INTENT = order(signal(), "60", quantity="0.001")
PAIR = instrument()
FINAL = [status for status in OrderStatus if status.is_final]


def event(kind: OrderEventKind, status: OrderStatus, filled: str = "0") -> OrderEvent:
    return OrderEvent(INTENT.client_order_id, kind, status, minutes(1), filled_quantity=Decimal(filled))


@pytest.mark.parametrize("before", OrderStatus)
@pytest.mark.parametrize("kind", OrderEventKind)
@pytest.mark.parametrize("after", OrderStatus)
def test_what_is_not_in_the_table_is_forbidden(before: OrderStatus, kind: OrderEventKind, after: OrderStatus) -> None:
    at = replace(INTENT, status=before)
    if after in TRANSITIONS[kind].get(before, ()):
        assert apply(at, event(kind, after)).status is after
    else:
        with pytest.raises(TransitionForbidden):
            apply(at, event(kind, after))


@pytest.mark.parametrize("status", FINAL)
def test_an_order_that_has_ended_never_opens_again(status: OrderStatus) -> None:
    reachable = {after for table in TRANSITIONS.values() for after in table.get(status, ())}
    assert reachable <= set(FINAL)


@pytest.mark.parametrize("status", [status for status in OrderStatus if not status.is_final])
def test_every_order_can_end_in_every_way_that_the_venue_may_report(status: OrderStatus) -> None:
    ways = {after for table in TRANSITIONS.values() for after in table.get(status, ())}
    refusable = set() if status is S.PARTIALLY_FILLED else {S.REJECTED}
    assert {S.FILLED, S.CANCELLED, S.EXPIRED} | refusable <= ways
    assert (S.REJECTED in ways) is bool(refusable)


def test_an_order_leaves_once() -> None:
    assert [status for status in OrderStatus if allows(status, K.SUBMITTED)] == [S.INTENDED]


def test_only_a_sent_order_can_be_unknown() -> None:
    assert [status for status in OrderStatus if allows(status, K.MARKED_UNKNOWN)] == [S.SUBMITTED]


def test_nothing_is_cancelled_before_it_is_sent_or_after_it_ended() -> None:
    cancellable = {status for status in OrderStatus if allows(status, K.CANCEL_REQUESTED)}
    assert cancellable == {S.SUBMITTED, S.UNKNOWN, S.OPEN, S.PARTIALLY_FILLED}


def test_fills_never_vanish() -> None:
    half = replace(INTENT, status=S.PARTIALLY_FILLED, filled_quantity=Decimal("0.0005"))
    with pytest.raises(TransitionForbidden, match=r"0\.0005"):
        apply(half, event(K.CANCELLED, S.CANCELLED, "0.0004"))


def test_an_event_belongs_to_its_order() -> None:
    with pytest.raises(TransitionForbidden):
        apply(order(signal(2), "1"), event(K.SUBMITTED, S.SUBMITTED))


def test_times_are_kept_of_what_leaves() -> None:
    sent = apply(INTENT, event(K.SUBMITTED, S.SUBMITTED))
    assert (sent.submitted_at, sent.cancel_requested_at) == (minutes(1), None)
    cancelling = apply(sent, replace(event(K.CANCEL_REQUESTED, S.SUBMITTED), at=minutes(2)))
    assert (cancelling.submitted_at, cancelling.cancel_requested_at) == (minutes(1), minutes(2))
    resting = apply(cancelling, event(K.ACKNOWLEDGED, S.OPEN))
    assert resting.cancel_requested_at == minutes(2)
    assert apply(resting, event(K.CANCEL_LAPSED, S.OPEN)).cancel_requested_at is None


def test_a_cancel_lapses_only_where_the_venue_has_the_order() -> None:
    assert {status for status in OrderStatus if allows(status, K.CANCEL_LAPSED)} == {S.OPEN, S.PARTIALLY_FILLED}


def test_what_was_unknown_is_found_before_it_is_anything_else() -> None:
    lost = replace(INTENT, status=S.UNKNOWN)
    told = report(lost, S.FILLED, fill("1", "0.001"))
    found, filled = reported(lost, told, book_report(lost, Reservation(Decimal(60)), (), told, PAIR), START)
    assert [(each.kind, each.status, each.trade_ids) for each in (found, filled)] == [
        (K.FOUND, S.OPEN, ()),
        (K.FILLED, S.FILLED, ("1",)),
    ]


def test_a_report_that_tells_nothing_new_is_no_event() -> None:
    working = replace(INTENT, status=S.OPEN, venue_order_id="venue-1")
    told = report(working, S.OPEN)
    assert reported(working, told, book_report(working, Reservation(Decimal(60)), (), told, PAIR), START) == ()


def test_an_answer_from_before_the_fills_that_are_owed_is_no_event() -> None:
    """The venue says filled before it lists the trades, and a replica behind it then says that the order is new."""
    working = replace(INTENT, status=S.PARTIALLY_FILLED, venue_order_id="venue-1")
    stale = report(working, S.OPEN, filled=Decimal(0))
    assert reported(working, stale, book_report(working, Reservation(Decimal(60)), (), stale, PAIR), START) == ()


def test_a_history_begins_with_the_intent() -> None:
    with pytest.raises(TransitionForbidden, match="first event"):
        replay(INTENT, [event(K.SUBMITTED, S.SUBMITTED)])
    with pytest.raises(TransitionForbidden):
        replay(INTENT, [event(K.INTENDED, S.INTENDED), event(K.INTENDED, S.INTENDED)])


steps = st.lists(
    st.one_of(
        st.sampled_from([K.SUBMITTED, K.MARKED_UNKNOWN, K.CANCEL_REQUESTED, K.REJECTED, K.EXPIRED, K.REPRICED]),
        st.tuples(st.sampled_from([S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELLED, S.EXPIRED]), st.integers(0, 3)),
    ),
    max_size=12,
)


@given(happenings=steps)
def test_replaying_the_events_gives_the_state(happenings: list[object]) -> None:
    state, history, booked = INTENT, [happened(INTENT, K.INTENDED, START, "a cross")], set[str]()
    for number, happening in enumerate(happenings, start=1):
        for told in _events(state, happening, booked, number):
            state = apply(state, told)
            history.append(told)
        assert replay(state, history) == state
    assert intent_of(state) == INTENT


def _events(state: Order, happening: object, booked: set[str], number: int) -> list[OrderEvent]:
    if isinstance(happening, OrderEventKind):
        return [happened(state, happening, minutes(number), "")] if allows(state.status, happening) else []
    assert isinstance(happening, tuple)
    status, fills = happening
    new = [fill(f"{number}.{each}", "0.0001", at=minutes(number)) for each in range(fills)]
    told = report(state, status, *new, filled=state.filled_quantity + Decimal("0.0001") * fills)
    booking = book_report(state, Reservation(Decimal(60)), booked, told, PAIR)
    booked |= {each.venue_trade_id for each in new}
    return list(reported(state, told, booking, minutes(number)))
