"""How many statements an order takes from its reservation to its booked acknowledgement: each is a round trip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, event

from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.domain.order import OrderStatus
from trading_platform_tests.support.examples import ACCOUNT, START, decision, fill, instrument, order, report, signal

TO_RESERVE, TO_LEAVE, TO_BOOK = 6, 4, 5
BOUGHT = order(signal(), "67.63")


@contextmanager
def _counted(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        del connection, cursor, more
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_an_order_is_sent_and_booked_in_few_statements(engine: Engine) -> None:
    ledger = PostgresLedger(engine)
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": Decimal("84.54")}, at_revision=0, at=START)
    ledger.record_signals([signal()], START)

    with _counted(engine) as reserving:
        ledger.reserve(BOUGHT, decision(signal()))
    with _counted(engine) as leaving:
        ledger.mark_submitted(BOUGHT.client_order_id, START)
    with _counted(engine) as booking:
        filled = report(BOUGHT, OrderStatus.FILLED, fill("1", BOUGHT.quantity, fee="0.000001"))
        after = ledger.book(filled, instrument(), START)

    assert after.status is OrderStatus.FILLED
    told = "\n".join([*reserving, *leaving, *booking])
    assert (len(reserving), len(leaving), len(booking)) == (TO_RESERVE, TO_LEAVE, TO_BOOK), told
    assert ledger.account(ACCOUNT).balances["BTC"].total > 0
