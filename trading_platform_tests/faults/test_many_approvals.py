"""64 approvals at once, from eight processes, and never more money than there is (I2)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform_tests.faults.approvals import Approval, Crowd, approve
from trading_platform_tests.support.examples import ACCOUNT, START

pytestmark = pytest.mark.integration

MONEY = Decimal("84.54")
WANTED = [Decimal("67.63"), Decimal(50), Decimal(30), Decimal("7.77")]
CROWD = Crowd(processes=8, threads=8)


def test_sixty_four_approvals_at_once_never_reserve_more_than_there_is(database_url: str) -> None:
    engine = make_engine(database_url)
    ledger = PostgresLedger(engine)
    asked = [Approval(ACCOUNT, number, WANTED[number % len(WANTED)]) for number in range(CROWD.at_once)]
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": MONEY}, at_revision=0, at=START)
    ledger.record_signals([each.about for each in asked], START)

    granted, _ = approve(database_url, asked, CROWD)

    balance = ledger.account(ACCOUNT).balances["USDT"]
    orders = ledger.unsettled_orders(ACCOUNT)
    engine.dispose()
    assert balance.total == MONEY
    assert 0 < balance.reserved <= MONEY
    assert balance.free < min(WANTED)  # none was refused that could have been granted
    assert balance.reserved == sum(order.reserved_amount for order in orders)
    assert len(orders) == granted
