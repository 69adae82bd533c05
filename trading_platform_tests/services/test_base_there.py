"""What is there of a position: the ledger's total, less what is missing at the venue, but what an order has locked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.order import Side
from trading_platform.domain.position import Position
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import BalanceDifference
from trading_platform.services.base_there import base_there, is_left_behind
from trading_platform_tests.fakes import FakeLedger
from trading_platform_tests.support.examples import ACCOUNT, EXIT, START, SYMBOL, decision, minutes, order, signal

HELD = Position(
    ACCOUNT, SYMBOL, "trend_following", minutes(1), minutes(1), quantity=Decimal("0.001"), cost_quote=Decimal(50)
)


@pytest.fixture
def ledger() -> FakeLedger:
    made = FakeLedger()
    made.open_account(ACCOUNT, "USDT", "paper", START)
    made.reconcile(ACCOUNT, {"BTC": Decimal("0.001")}, at_revision=0, at=START)
    return made


def _missing(ledger: FakeLedger, asset: str, amount: str) -> None:
    total = Decimal("0.001")
    found = BalanceDifference(asset, total, total + Decimal(amount), None, "", START, START)
    ledger.record_differences(ACCOUNT, [found])


def _reserve(ledger: FakeLedger, quantity: str) -> None:
    said = signal(2, Direction.SHORT)
    ledger.record_signals([said], START)
    made = order(said, Decimal(quantity), side=Side.SELL, quantity=Decimal(quantity), leg=EXIT)
    ledger.reserve(made, decision(said, EXIT))


@pytest.mark.parametrize(
    ("asset", "amount", "there"),
    [("BTC", "-0.0004", "0.0006"), ("BTC", "-0.002", "0"), ("BTC", "0.5", "0.001"), ("ETH", "-0.0004", "0.001")],
)
def test_what_is_missing_at_the_venue_isnt_there(ledger: FakeLedger, asset: str, amount: str, there: str) -> None:
    assert base_there(ledger, HELD) == Decimal("0.001")
    _missing(ledger, asset, amount)
    assert base_there(ledger, HELD) == Decimal(there)


def test_what_an_order_has_locked_is_there(ledger: FakeLedger) -> None:
    _reserve(ledger, "0.0007")
    _missing(ledger, "BTC", "-0.001")
    assert base_there(ledger, HELD) == Decimal("0.0007")


def test_an_asset_that_the_ledger_doesnt_know_isnt_there() -> None:
    empty = FakeLedger()
    empty.open_account(ACCOUNT, "USDT", "paper", START)
    assert base_there(empty, HELD) == 0


@pytest.mark.parametrize(("amount", "left_behind"), [("-0.001", True), ("-0.00091", True), ("-0.0005", False)])
def test_it_is_left_behind_if_what_remains_is_too_small(ledger: FakeLedger, amount: str, left_behind: bool) -> None:
    assert not is_left_behind(ledger, HELD, Decimal(5))
    _missing(ledger, "BTC", amount)
    assert is_left_behind(ledger, HELD, Decimal(5)) is left_behind
