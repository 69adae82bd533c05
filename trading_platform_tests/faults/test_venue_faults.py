"""Whatever the venue does to a request, the books agree once it answers again, and nothing was sent twice (I3, I4)."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.domain.order import OrderStatus
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import client_order_id
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.trade import trade
from trading_platform_tests.support.examples import ACCOUNT, ENTRY
from trading_platform_tests.support.trading_floor import TradingFloor

pytestmark = pytest.mark.integration

_LOST: dict[str, Any] = {"kind": "lose_answer", "count": 1}
_FOR_ONE_ORDER = {"endpoint": "order_placement", "count": 1}


@pytest.fixture
def trading(floor: TradingFloor) -> TradingFloor:
    """A floor whose balances are known."""
    floor.trade_until_quiet()
    return floor


def _statuses(floor: TradingFloor) -> list[tuple[str, str]]:
    return [(leg, status) for _, leg, _, status, _ in floor.orders()]


@pytest.mark.parametrize("shape", ["cut", "cut_body", "truncated", "empty", "504", "hang"])
def test_an_order_whose_answer_was_lost_is_found_and_booked(trading: TradingFloor, shape: str) -> None:
    trading.says(60)
    trading.venue.control.fault(**_LOST, shape=shape)

    report = trade(trading.desk())

    assert [order.status for order in report.left_open] == [OrderStatus.UNKNOWN]
    assert trading.query("SELECT sum(reserved) > 0 FROM balances") == [(True,)]
    trading.trade_until_quiet()
    assert _statuses(trading) == [("entry", "filled")]
    trading.assert_books_agree()


def test_an_exit_whose_answer_was_lost_sells_once(trading: TradingFloor) -> None:
    trading.says(60)
    trading.trade_until_quiet()
    trading.says(120, Direction.SHORT)
    trading.venue.control.fault(**_LOST, shape="cut")

    trading.trade_until_quiet()

    assert _statuses(trading) == [("entry", "filled"), ("exit", "filled")]
    assert trading.platform.ledger.open_positions(ACCOUNT) == []
    trading.assert_books_agree()


def test_an_order_that_is_accepted_late_is_waited_for(trading: TradingFloor) -> None:
    trading.says(60)
    trading.venue.control.fault("hold_order", shape="cut", hold_seconds=1.0, count=1)
    trade(trading.desk())
    waiting = trade(trading.desk())

    assert [order.status for order in waiting.left_open] == [OrderStatus.UNKNOWN]
    deadline = time.monotonic() + 30
    while not trading.venue_orders() and time.monotonic() < deadline:
        time.sleep(0.1)
    trading.trade_until_quiet()
    assert _statuses(trading) == [("entry", "filled")]
    trading.assert_books_agree()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "retry_after": 1, **_FOR_ONE_ORDER},
        {"kind": "status", "status": 500, **_FOR_ONE_ORDER},
        {"kind": "status", "status": 503, **_FOR_ONE_ORDER},
        {"kind": "reject_order", "code": -2010, "message": "Order would not do.", "count": 1},
        {"kind": "malformed", "shape": "html", **_FOR_ONE_ORDER},
        {"kind": "malformed", "shape": "truncated", **_FOR_ONE_ORDER},
        {"kind": "delay", "delay_seconds": 0.5, **_FOR_ONE_ORDER},
        {"kind": "partial_fill", "fraction": "0.4", "count": 1},
        {"kind": "clock_skew", "skew_ms": 60_000, "seconds": 1},
    ],
    ids=lambda fault: "-".join(str(fault[key]) for key in ("kind", "shape", "status") if key in fault),
)
def test_a_round_trip_through_any_fault_ends_with_equal_books(trading: TradingFloor, fault: dict[str, Any]) -> None:
    trading.says(60)
    trading.venue.control.fault(**fault)
    trading.trade_until_quiet()
    trading.assert_books_agree()

    if not trading.platform.ledger.open_positions(ACCOUNT):
        trading.says(120)
        trading.trade_until_quiet()
    trading.says(240, Direction.SHORT)
    trading.venue.control.fault(**fault)
    trading.trade_until_quiet()

    assert trading.platform.ledger.open_positions(ACCOUNT) == []
    assert [side for _, _, side, status, _ in trading.orders() if status == "filled"][-1] == "sell"
    trading.assert_books_agree()


def test_what_a_partial_exit_left_is_sold_by_the_next_leg(trading: TradingFloor) -> None:
    trading.says(60)
    trading.trade_until_quiet()
    [position] = trading.platform.ledger.open_positions(ACCOUNT)
    trading.says(120, Direction.SHORT)
    trading.venue.control.fault("partial_fill", fraction="0.4", count=1)

    trading.trade_until_quiet()

    sold = trading.query("SELECT leg, filled_quantity FROM orders WHERE side = 'sell' ORDER BY created_at")
    assert [leg for leg, _ in sold] == ["exit", "exit2"]
    assert position.quantity - sum((quantity for _, quantity in sold), Decimal(0)) < Decimal("0.00001")
    trading.assert_books_agree()


def test_an_outage_loses_nothing(trading: TradingFloor) -> None:
    said = trading.says(60)
    trading.venue.control.fault("outage")
    for _ in range(3):
        trade(trading.desk())

    [waiting] = trading.platform.ledger.recent_decisions(ACCOUNT, 9)
    assert (waiting.signal_id, waiting.reason) == (said.signal_id, ReasonCode.BALANCE_NOT_RECONCILED)
    assert trading.platform.ledger.open_signals(ACCOUNT) == [said]
    trading.venue.control.clear_faults()
    trading.trade_until_quiet()

    assert [order[0] for order in trading.orders()] == [client_order_id(said.signal_id, ENTRY)]
    trading.assert_books_agree()


def test_an_outage_in_the_middle_of_an_order_keeps_its_money_until_the_venue_is_back(trading: TradingFloor) -> None:
    trading.says(60)
    trading.venue.control.fault(**_LOST, shape="cut")
    trade(trading.desk())
    trading.venue.control.fault("outage")
    for _ in range(3):
        trading.clock.forward(600)
        trade(trading.desk())

    assert _statuses(trading) == [("entry", "unknown")]
    assert trading.query("SELECT sum(reserved) > 0 FROM balances") == [(True,)]
    trading.venue.control.clear_faults()
    trading.trade_until_quiet()
    assert _statuses(trading) == [("entry", "filled")]
    trading.assert_books_agree()
