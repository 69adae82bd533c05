"""One run writes down that an order leaves, or is to be cancelled, while another ends or books it (I3, I4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import Engine, event, text

from trading_platform.adapters.postgres.engine import make_engine, reading
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.domain.errors import AlreadyDone
from trading_platform.domain.order import Order, OrderStatus, Side
from trading_platform.domain.order_machine import replay
from trading_platform_tests.support.examples import ACCOUNT, START, decision, fill, instrument, order, report, signal

SALE = order(signal(), "0.001", side=Side.SELL)
_PATIENCE_SECONDS = 10


@pytest.fixture
def rival(database_url: str) -> Iterator[Engine]:
    """The other run's connections."""
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def ledger(engine: Engine) -> PostgresLedger:
    """An account that has reserved its bitcoin for a sale."""
    made = PostgresLedger(engine)
    made.open_account(ACCOUNT, "USDT", "paper", START)
    made.reconcile(ACCOUNT, {"BTC": Decimal("0.001")}, at_revision=0, at=START)
    made.record_signals([signal()], START)
    made.reserve(SALE, decision(signal()))
    return made


@contextmanager
def _before_it_writes(victim: Engine, watcher: Engine, act: Callable[[], object]) -> Iterator[Future[object]]:
    """What `act` comes to, begun once the other run has read the order, and given until it is done or waits for it."""
    outcome: Future[object] = Future()
    owner = threading.get_ident()

    def begin(connection: object, cursor: object, statement: str, *more: object) -> None:
        del connection, cursor, more
        if threading.get_ident() != owner or outcome.running() or outcome.done() or "order_events" not in statement:
            return
        outcome.set_running_or_notify_cancel()
        pool.submit(run)
        _until(lambda: outcome.done() or _somebody_waits(watcher))

    def run() -> None:
        try:
            outcome.set_result(act())
        except AlreadyDone as refusal:
            outcome.set_exception(refusal)

    event.listen(victim, "before_cursor_execute", begin)
    with ThreadPoolExecutor(1) as pool:
        yield outcome
    event.remove(victim, "before_cursor_execute", begin)


def _until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(_PATIENCE_SECONDS * 100):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("the rival neither ended nor waited for a lock")


def _somebody_waits(engine: Engine) -> bool:
    with reading(engine) as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())


def _agrees_with_its_events(ledger: PostgresLedger, known: Order) -> bool:
    stored = ledger.order(known.client_order_id)
    assert stored is not None
    return replay(stored, ledger.order_events(known.client_order_id)) == stored


def test_an_intent_that_is_being_given_up_does_not_leave(ledger: PostgresLedger, engine: Engine, rival: Engine) -> None:
    sending = PostgresLedger(rival)
    with _before_it_writes(engine, rival, lambda: sending.mark_submitted(SALE.client_order_id, START)) as left:
        ledger.close_unfilled(
            SALE.client_order_id, rejected=False, why="", code="never_sent", at=START, seen=OrderStatus.INTENDED
        )

    with pytest.raises(AlreadyDone):
        left.result(_PATIENCE_SECONDS)
    assert ledger.unsettled_orders(ACCOUNT) == []
    assert _agrees_with_its_events(ledger, SALE)


def test_a_report_that_is_booked_keeps_the_cancel_that_was_asked_for_meanwhile(
    ledger: PostgresLedger, engine: Engine, rival: Engine
) -> None:
    ledger.mark_submitted(SALE.client_order_id, START)
    ledger.book(report(SALE, OrderStatus.OPEN), instrument(), START)
    cancelling = PostgresLedger(rival)
    part = report(SALE, OrderStatus.PARTIALLY_FILLED, fill("1", "0.0004"))
    with _before_it_writes(engine, rival, lambda: cancelling.request_cancel(SALE.client_order_id, "", START)) as asked:
        ledger.book(part, instrument(), START)

    asked.result(_PATIENCE_SECONDS)
    stored = ledger.order(SALE.client_order_id)
    assert stored is not None
    assert (stored.filled_quantity, stored.cancel_requested_at) == (Decimal("0.0004"), START)
    assert _agrees_with_its_events(ledger, SALE)
