"""Orders are sent once and followed to their end; what is unknown is asked for (I3, I4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from trading_platform.domain.order import Order, OrderReport, OrderStatus
from trading_platform.domain.signal import Signal, client_order_id
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.settle_orders import follow_orders, take_up_orders
from trading_platform.services.trade import work_waiting
from trading_platform_tests.fakes import FakeBroker, FakeLedger
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, Workplace
from trading_platform_tests.support.examples import ACCOUNT, ENTRY, decision, order

WINDOW_SECONDS = 10.0
"""By default: recv_window and the margin of the clocks."""

_LOST = Misbehaviour(lose_answer=True)
_NEVER_ARRIVES = Misbehaviour(lose_answer=True, never_arrives=True)
_HALF = Misbehaviour(fill_share=Decimal("0.5"))


@pytest.fixture
def place() -> Workplace:
    return Workplace()


def _sent(place: Workplace, said: Signal) -> Order:
    found = place.ledger.order(client_order_id(said.signal_id, ENTRY))
    assert found is not None
    return found


def _intended(place: Workplace) -> Order:
    """An order whose run was killed before it was sent."""
    said = place.says()
    place.trade()  # reconciles; the entry is somebody else's below
    other = place.says(50, strategy="mean_reversion", symbol="ETH/USDT")
    intent = order(other, "20", quantity="0.01", at=place.clock.wall())
    place.ledger.reserve(intent, decision(other))
    assert _sent(place, said).status is OrderStatus.FILLED
    return intent


def test_a_lost_answer_keeps_the_reservation_until_the_venue_has_told(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(_LOST)

    report = place.trade()

    assert [left.client_order_id for left in report.left_open] == [client_order_id(said.signal_id, ENTRY)]
    assert _sent(place, said).status is OrderStatus.UNKNOWN
    assert place.reserved() == _sent(place, said).reserved_amount

    place.trade()

    assert _sent(place, said).status is OrderStatus.FILLED
    assert place.reserved() == 0
    assert place.agrees_with_venue()
    assert len(place.broker.requests) == 1


@pytest.mark.parametrize(
    ("seconds", "status"), [(WINDOW_SECONDS, OrderStatus.UNKNOWN), (WINDOW_SECONDS + 0.001, OrderStatus.EXPIRED)]
)
def test_not_found_is_final_only_once_nothing_can_arrive(place: Workplace, seconds: float, status: OrderStatus) -> None:
    said = place.says()
    place.broker.misbehave(_NEVER_ARRIVES)
    place.trade()

    place.clock.advance(seconds)
    place.trade()

    assert _sent(place, said).status is status
    assert (place.reserved() == 0) is status.is_final
    assert len(place.broker.requests) == 1


def test_an_order_that_arrives_late_is_found(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(Misbehaviour(lose_answer=True, arrives_after_questions=3))

    for _ in range(5):
        place.clock.advance(1)
        place.trade()

    assert _sent(place, said).status is OrderStatus.FILLED
    assert place.agrees_with_venue()


def test_an_intent_that_was_never_sent_is_given_up_and_its_money_freed(place: Workplace) -> None:
    intent = _intended(place)

    place.trade()
    kept = place.reserved()
    place.clock.advance(WINDOW_SECONDS + 1)
    place.trade()

    assert (kept, place.reserved()) == (intent.reserved_amount, Decimal(0))
    assert intent.request not in place.broker.requests
    events = [(status, code) for owner, status, _, code in place.ledger.events if owner == intent.client_order_id]
    assert events[-1] == (OrderStatus.EXPIRED, "never_arrived")


def test_a_silent_venue_changes_nothing(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(_LOST)
    place.trade()
    place.broker.is_silent = True
    place.clock.advance(10 * WINDOW_SECONDS)

    [left] = take_up_orders(place.desk())

    assert left.status is OrderStatus.UNKNOWN
    assert place.reserved() == left.reserved_amount
    place.broker.is_silent = False
    place.trade()
    assert _sent(place, said).status is OrderStatus.FILLED


class _Forgetful(FakeBroker):
    """A venue that forgets all orders when it is told to."""

    def forget(self) -> None:
        self._orders.clear()


def test_an_order_that_the_venue_had_confirmed_and_forgot_is_ended_and_told() -> None:
    place = Workplace(broker_type=_Forgetful)
    said = place.says()
    place.broker.misbehave(_HALF)
    place.trade()
    assert isinstance(place.broker, _Forgetful)
    place.broker.forget()
    place.clock.advance(WINDOW_SECONDS)
    place.trade()
    assert _sent(place, said).status is OrderStatus.PARTIALLY_FILLED, "a server that lags may yet know it"
    assert place.reserved() > 0

    place.clock.advance(9 * WINDOW_SECONDS)
    place.trade()

    assert _sent(place, said).status is OrderStatus.EXPIRED
    assert place.reserved() == 0
    assert any("has forgotten an order" in told.title for told in place.journal.undelivered(10))


def test_a_forgotten_entry_keeps_nothing_from_being_sold() -> None:
    place = Workplace(broker_type=_Forgetful)
    place.says()
    place.broker.misbehave(_HALF)
    place.trade()
    assert isinstance(place.broker, _Forgetful)
    place.broker.forget()
    place.later(10 * WINDOW_SECONDS)
    place.says(CLOSE + 1, Direction.SHORT)

    assert len(place.trade().exits) == 1

    assert place.ledger.open_positions(ACCOUNT) == []
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_an_open_order_is_followed_until_it_is_filled(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(_HALF)
    place.trade()
    waits: list[float] = []

    def fill_at_the_third_look(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            place.broker.fill_rest(client_order_id(said.signal_id, ENTRY))

    left = follow_orders(_patient(place).desk(), sleep=fill_at_the_third_look)

    assert (left, len(waits)) == ([], 3)
    assert _sent(place, said).status is OrderStatus.FILLED
    assert place.reserved() == 0
    assert place.agrees_with_venue()


def test_an_order_is_followed_for_a_bounded_time_and_taken_up_by_the_next_run(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(_HALF)
    place.trade()
    waits: list[float] = []

    [left] = follow_orders(_patient(place).desk(), sleep=waits.append)

    assert left.status is OrderStatus.PARTIALLY_FILLED
    assert sum(waits) <= 4.0
    place.broker.fill_rest(left.client_order_id)
    place.trade()
    assert _sent(place, said).status is OrderStatus.FILLED


def test_only_an_order_that_the_venue_confirmed_is_worth_waiting_for(place: Workplace) -> None:
    place.says()
    place.broker.misbehave(_NEVER_ARRIVES)
    place.trade()
    waits: list[float] = []

    [left] = follow_orders(_patient(place).desk(), sleep=waits.append)

    assert (left.status, waits) == (OrderStatus.UNKNOWN, [])


def test_a_partial_fill_shrinks_the_reservation(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(_HALF)
    place.trade()

    bought = _sent(place, said)

    assert (bought.quantity, bought.filled_quantity) == (Decimal("0.00050"), Decimal("0.00025"))
    assert place.reserved() == bought.reserved_amount - Decimal("12.5")
    assert place.agrees_with_venue()


class _Suspended(FakeLedger):
    """The computer sleeps between the commit and the request."""

    sleeps: Callable[[], None] | None = None

    def mark_submitted(self, client_order_id: str, at: datetime) -> None:
        super().mark_submitted(client_order_id, at)
        if self.sleeps is not None:
            self.sleeps()


@pytest.mark.parametrize(("seconds", "sent"), [(2.5, 1), (2.6, 0)])
def test_a_run_that_was_suspended_sends_nothing_late(seconds: float, sent: int) -> None:
    """Another run may have given the order up by then: what is sent now, nobody would look for."""
    ledger = _Suspended()
    place = Workplace(ledger=ledger)
    said = place.says()
    ledger.sleeps = lambda: place.clock.advance(seconds)

    place.trade()

    assert len(place.broker.requests) == sent
    assert _sent(place, said).status is (OrderStatus.FILLED if sent else OrderStatus.REJECTED)
    assert place.reserved() == 0


class _Counting(FakeBroker):
    questions = 0

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        self.questions += 1
        return super().find(symbol, client_order_id)


def test_settled_orders_are_not_asked_for_again() -> None:
    place = Workplace(broker_type=_Counting)
    place.buys()
    assert isinstance(place.broker, _Counting)

    place.trade()

    assert place.broker.questions == 0
    assert place.ledger.unsettled_orders(ACCOUNT) == []


def _patient(place: Workplace) -> Workplace:
    """The same place with the default patience."""
    execution = {"follow_seconds": 4.0, "poll_seconds": 0.15}
    place.settings = place.settings.model_copy(
        update={"execution": place.settings.execution.model_copy(update=execution)}
    )
    return place
