"""A trade run may be killed before any of its calls to the outside: what it left is made good, once (I3, I4, I5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest

from trading_platform.domain.order import Order, OrderStatus
from trading_platform.domain.order_machine import replay
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.trade import trade
from trading_platform_tests.faults.mortality import Killed, Life, mortal
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration

_TWO_MINUTES = 120


@pytest.fixture
def repricing(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """A floor whose entries rest below the bid, are overdue at once, and cross in the end."""
    settings = floor_settings(database_url, venue)
    execution = settings.execution.model_copy(
        update={
            "entry": "limit",
            "limit_offset_bps": Decimal(-50),
            "limit_seconds": 1e-9,
            "most_reprices": 1,
            "limit_then": "market",
        }
    )
    return TradingFloor(settings.model_copy(update={"execution": execution}), venue)


def _killed_at_every_call(floor: TradingFloor, prepare: Callable[[int], None]) -> Iterator[str]:
    """Prepare, kill a run before its first call, its second …, and let the next runs recover; where it was killed."""
    for calls in count():
        seconds = _TWO_MINUTES * (calls + 1)
        prepare(seconds)
        life = Life(calls)
        try:
            trade(mortal(floor.desk(), life))
        except Killed:
            floor.trade_until_quiet()
            floor.assert_books_agree()
            yield life.last_words
            floor.close_everything(seconds + 90)
        else:
            return


def test_an_entry_killed_anywhere_is_made_at_most_once(floor: TradingFloor) -> None:
    floor.trade_until_quiet()

    def prepare(seconds: int) -> None:
        floor.says(seconds)

    deaths = []
    for died_before in _killed_at_every_call(floor, prepare):
        deaths.append(died_before)
        held = floor.platform.ledger.open_positions(ACCOUNT)
        assert len(held) <= 1
    floor.assert_books_agree()

    walked = ("PostgresLedger.reserve", "PostgresLedger.mark_submitted", "CcxtBroker.submit", "PostgresLedger.book")
    assert set(walked) <= set(deaths)


def test_an_exit_killed_anywhere_is_completed_once(floor: TradingFloor) -> None:
    floor.trade_until_quiet()

    def prepare(seconds: int) -> None:
        floor.says(seconds)
        floor.trade_until_quiet()
        [position] = floor.platform.ledger.open_positions(ACCOUNT)
        assert position.symbol == SYMBOL
        floor.says(seconds + 60, Direction.SHORT)

    deaths = []
    for died_before in _killed_at_every_call(floor, prepare):
        deaths.append(died_before)
        assert floor.platform.ledger.open_positions(ACCOUNT) == []

    walked = ("PostgresLedger.reserve", "PostgresLedger.mark_submitted", "CcxtBroker.submit", "PostgresLedger.book")
    assert set(walked) <= set(deaths)


def _never_arrived(order: Order) -> bool:
    return order.status is OrderStatus.EXPIRED and order.venue_order_id is None


def test_a_limit_entry_killed_while_it_is_repriced_is_bought_once(repricing: TradingFloor) -> None:
    repricing.trade_until_quiet()

    def prepare(seconds: int) -> None:
        said = repricing.says(seconds)
        trade(repricing.desk())
        [resting] = repricing.platform.ledger.unsettled_orders(ACCOUNT)
        assert (resting.signal_id, resting.rests) == (said.signal_id, True)

    deaths = []
    for died_before in _killed_at_every_call(repricing, prepare):
        deaths.append(died_before)
        [(signal_id, wanted)] = repricing.query(
            "SELECT signal_id, max(quantity) FROM orders WHERE side = 'buy' GROUP BY signal_id"
            " ORDER BY max(created_at) DESC LIMIT 1"
        )
        legs = repricing.platform.ledger.orders_of_signal(ACCOUNT, signal_id)
        bought = [position.bought_quantity for position in repricing.platform.ledger.open_positions(ACCOUNT)]
        # killed between the commit and the request, it never arrives, and by then it is too late to begin again
        assert bought == ([] if any(_never_arrived(leg) for leg in legs) else [wanted]), died_before
        assert sum(leg.filled_quantity for leg in legs) == sum(bought)
        for leg in legs:
            events = repricing.platform.ledger.order_events(leg.client_order_id)
            assert replay(leg, events) == replace(leg, asked_at=None)

    walked = ("PostgresLedger.request_cancel", "CcxtBroker.cancel", "PostgresLedger.reserve", "CcxtBroker.submit")
    assert set(walked) <= set(deaths)
    assert repricing.query("SELECT count(*) FROM positions") != [(0,)]
