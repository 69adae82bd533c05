"""What every ledger can tell of a signal and of what followed from it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.order import Order, OrderStatus
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import HeldReservation, Ledger
from trading_platform_tests.support.examples import (
    ACCOUNT,
    ENTRY,
    EXIT,
    START,
    SYMBOL,
    Side,
    decision,
    fill,
    instrument,
    minutes,
    order,
    report,
    signal,
)

RULES = instrument()
STRATEGY = "trend_following"


@pytest.fixture(autouse=True)
def _account(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": Decimal(1000)}, at_revision=0, at=START)


def _traded(ledger: Ledger, about: Signal, made: Order, price: str, fee: str, fee_asset: str) -> Order:
    """A reserved, sent and filled order."""
    leg = ENTRY if made.side is Side.BUY else EXIT
    ledger.record_signals([about], START)
    ledger.reserve(made, decision(about, leg, at=made.created_at))
    ledger.mark_submitted(made.client_order_id, made.created_at)
    done = fill(made.client_order_id, made.quantity, price, fee=fee, fee_asset=fee_asset, at=made.created_at)
    return ledger.book(report(made, OrderStatus.FILLED, done), RULES, made.created_at)


def _bought(ledger: Ledger, minute: int) -> Order:
    about = signal(minute)
    return _traded(ledger, about, order(about, "60", at=minutes(minute)), "50000", "0.000001", "BTC")


def _sold(ledger: Ledger, minute: int) -> Order:
    about = signal(minute, Direction.SHORT)
    made = order(about, "0.00099", side=Side.SELL, quantity="0.00099", at=minutes(minute))
    return _traded(ledger, about, made, f"5500{minute}", "0.05", "USDT")


def test_a_signal_is_found_by_its_id_and_by_its_orders(ledger: Ledger) -> None:
    bought = _bought(ledger, 1)
    other = signal(2, symbol="ETH/USDT")
    ledger.record_signals([other], START)
    wanted = signal(1)
    for name in (wanted.signal_id, wanted.signal_id[:10], bought.client_order_id, bought.client_order_id[:10]):
        assert [found.signal_id for found in ledger.signals_named(ACCOUNT, name, 5)] == [wanted.signal_id]
    assert ledger.signals_named(ACCOUNT, "venue-1", 5) == ledger.signals_named(ACCOUNT, wanted.signal_id, 5)
    assert [found.symbol for found in ledger.signals_named(ACCOUNT, "", 5)] == ["ETH/USDT", SYMBOL]
    assert len(ledger.signals_named(ACCOUNT, "", 1)) == 1


@pytest.mark.parametrize("name", ["%", "_", "nothing", "venue-"])
def test_names_are_no_patterns(ledger: Ledger, name: str) -> None:
    _bought(ledger, 1)
    assert ledger.signals_named(ACCOUNT, name, 5) == []


def test_another_accounts_signals_are_not_found(ledger: Ledger) -> None:
    bought = _bought(ledger, 1)
    ledger.open_account("other", "USDT", "paper", START)
    assert ledger.signals_named("other", bought.signal_id, 5) == []
    assert ledger.decisions_about("other", bought.signal_id) == []


def test_decisions_about_a_signal_oldest_first(ledger: Ledger) -> None:
    about = signal()
    ledger.record_signals([about, signal(2)], START)
    ledger.record_decision(
        decision(about, reason=ReasonCode.NO_FRESH_PRICE, is_final=False, at=minutes(1), message="waits")
    )
    ledger.record_decision(decision(about, at=minutes(2)))
    ledger.record_decision(decision(signal(2), at=minutes(3)))
    found = ledger.decisions_about(ACCOUNT, about.signal_id)
    assert [(d.reason, d.decided_at) for d in found] == [
        (ReasonCode.NO_FRESH_PRICE, minutes(1)),
        (ReasonCode.APPROVED, minutes(2)),
    ]
    assert found[1].details == {"sizing": ["one step"], "run_id": "manual"}


def test_a_reservation_is_active_then_settled_or_released(ledger: Ledger) -> None:
    about = signal()
    ledger.record_signals([about], START)
    made = order(about, "60")
    ledger.reserve(made, decision(about))
    assert ledger.reservation(made.client_order_id) == HeldReservation("USDT", Decimal(60), Decimal(60), "active")
    ledger.close_unfilled(made.client_order_id, rejected=True, why="no", code="-1", at=minutes(1))
    assert ledger.reservation(made.client_order_id) == HeldReservation("USDT", Decimal(60), Decimal(0), "released")
    filled = _bought(ledger, 3)
    assert ledger.reservation(filled.client_order_id) == HeldReservation("USDT", Decimal(60), Decimal(0), "settled")
    assert ledger.reservation("tpnone") is None


def test_the_position_that_a_signal_is_about(ledger: Ledger) -> None:
    _bought(ledger, 1)
    _sold(ledger, 5)
    _bought(ledger, 9)
    assert ledger.position_entered_by(ACCOUNT, SYMBOL, STRATEGY, minutes(0)) is None
    first = ledger.position_entered_by(ACCOUNT, SYMBOL, STRATEGY, minutes(8))
    second = ledger.position_entered_by(ACCOUNT, SYMBOL, STRATEGY, minutes(9))
    assert first is not None
    assert second is not None
    assert (first.entry_candle_close, first.closed_at) == (minutes(1), minutes(5))
    assert (second.entry_candle_close, second.closed_at) == (minutes(9), None)
    assert ledger.position_entered_by(ACCOUNT, SYMBOL, "mean_reversion", minutes(9)) is None
    assert ledger.position_entered_by(ACCOUNT, "ETH/USDT", STRATEGY, minutes(9)) is None


def test_a_positions_orders_are_those_that_opened_and_closed_it(ledger: Ledger) -> None:
    entry, leaving, again = _bought(ledger, 1), _sold(ledger, 5), _bought(ledger, 9)
    first = ledger.position_entered_by(ACCOUNT, SYMBOL, STRATEGY, minutes(8))
    second = ledger.position_entered_by(ACCOUNT, SYMBOL, STRATEGY, minutes(9))
    assert first is not None
    assert second is not None
    assert ledger.orders_of_position(first) == [entry, leaving]
    assert ledger.orders_of_position(second) == [again]
