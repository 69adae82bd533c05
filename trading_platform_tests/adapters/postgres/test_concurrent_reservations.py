"""Money when everybody wants it at once, and when connections are cut in the middle (I2, I5)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from trading_platform.adapters.postgres.engine import make_engine, transaction
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.domain.errors import AccountHalted, AlreadyDone, InsufficientFree, RetryLater
from trading_platform.domain.halt import Halt
from trading_platform.domain.order import OrderStatus
from trading_platform_tests.support.examples import (
    ACCOUNT,
    START,
    decision,
    fill,
    instrument,
    minutes,
    order,
    report,
    signal,
)

THREADS = 18
WANTED = [Decimal("67.63"), Decimal("50"), Decimal("30")]
TABLES = (
    "accounts",
    "balances",
    "signals",
    "decisions",
    "orders",
    "order_events",
    "reservations",
    "fills",
    "positions",
)


@pytest.fixture
def ledger(engine: Engine) -> PostgresLedger:
    """84.54 USDT and nothing else."""
    made = PostgresLedger(engine)
    made.open_account(ACCOUNT, "USDT", "paper", START)
    made.reconcile(ACCOUNT, {"USDT": Decimal("84.54")}, at_revision=0, at=START)
    made.record_signals([signal(minute) for minute in range(THREADS)], START)
    return made


@pytest.fixture
def crowd(database_url: str) -> Iterator[list[PostgresLedger]]:
    """Ledgers with a connection each, as so many processes have."""
    engines = [make_engine(database_url, pool_size=1) for _ in range(THREADS)]
    yield [PostgresLedger(engine) for engine in engines]
    for engine in engines:
        engine.dispose()


def test_nothing_is_reserved_once_a_halt_has_returned(ledger: PostgresLedger, crowd: list[PostgresLedger]) -> None:
    seen: list[int] = []

    def halt() -> None:
        crowd[0].halt(Halt(ACCOUNT, "owner", "now", START, START))
        seen.append(len(crowd[0].recent_orders(ACCOUNT, THREADS)))

    def buy(minute: int) -> None:
        about = signal(minute)
        crowd[minute].reserve(order(about, "1"), decision(about))

    outcomes = _all_at_once([halt, *(partial(buy, minute) for minute in range(1, THREADS))])

    assert seen == [len(ledger.recent_orders(ACCOUNT, THREADS))]
    assert Counter(outcomes) == Counter(done=1 + seen[0], AccountHalted=THREADS - 1 - seen[0])


def _all_at_once(work: Sequence[Callable[[], object]]) -> list[str]:
    """Names of the outcomes of callables that start together."""
    start = threading.Barrier(len(work))

    def run(call: Callable[[], object]) -> str:
        start.wait()
        try:
            call()
        except (AccountHalted, InsufficientFree, AlreadyDone) as refusal:
            return type(refusal).__name__
        return "done"

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def _dump(engine: Engine) -> dict[str, list[str]]:
    with engine.connect() as connection:
        return {table: sorted(map(repr, connection.execute(text(f"SELECT * FROM {table}")).all())) for table in TABLES}


def test_three_approvals_at_once_never_overspend(ledger: PostgresLedger, crowd: list[PostgresLedger]) -> None:
    def reserving(number: int) -> Callable[[], object]:
        about = signal(number)
        return lambda: crowd[number].reserve(order(about, WANTED[number % 3]), decision(about))

    outcomes = _all_at_once([reserving(number) for number in range(THREADS)])
    balance = ledger.account(ACCOUNT).balances["USDT"]
    orders = ledger.unsettled_orders(ACCOUNT)
    assert balance.total == Decimal("84.54")
    assert 0 < balance.reserved <= balance.total
    assert balance.reserved == sum(o.reserved_amount for o in orders)
    assert Counter(outcomes) == {"done": len(orders), "InsufficientFree": THREADS - len(orders)}
    assert balance.free < min(WANTED)


def test_the_same_leg_at_once_is_reserved_once(ledger: PostgresLedger, crowd: list[PostgresLedger]) -> None:
    about = signal(1)
    outcomes = _all_at_once([partial(each.reserve, order(about, "4"), decision(about)) for each in crowd])
    assert Counter(outcomes) == {"done": 1, "AlreadyDone": THREADS - 1}
    assert ledger.account(ACCOUNT).balances["USDT"].reserved == 4


def test_the_same_intent_is_submitted_by_one(ledger: PostgresLedger, crowd: list[PostgresLedger]) -> None:
    made = order(signal(1), "4")
    ledger.reserve(made, decision(signal(1)))
    outcomes = _all_at_once([partial(each.mark_submitted, made.client_order_id, START) for each in crowd])
    assert Counter(outcomes) == {"done": 1, "AlreadyDone": THREADS - 1}


def test_the_same_fill_is_booked_once(ledger: PostgresLedger, crowd: list[PostgresLedger]) -> None:
    made = order(signal(1), "60")
    ledger.reserve(made, decision(signal(1)))
    ledger.mark_submitted(made.client_order_id, START)
    done = report(made, OrderStatus.FILLED, fill("1", "0.001"))
    _all_at_once([partial(each.book, done, instrument(), START) for each in crowd])
    state = ledger.account(ACCOUNT)
    assert (state.balances["USDT"].total, state.balances["USDT"].reserved) == (Decimal("34.54"), Decimal(0))
    assert state.balances["BTC"].total == Decimal("0.001")
    assert len(ledger.recent_fills(ACCOUNT, 9)) == 1


def test_buying_selling_and_giving_up_at_once_never_deadlock(
    ledger: PostgresLedger, crowd: list[PostgresLedger]
) -> None:
    made = [order(signal(number), "4") for number in range(THREADS)]
    for number, each in enumerate(made):
        ledger.reserve(each, decision(signal(number)))
        ledger.mark_submitted(each.client_order_id, START)

    def ending(number: int) -> Callable[[], object]:
        each, own = made[number], crowd[number]
        if number % 3 == 0:
            return lambda: own.close_unfilled(each.client_order_id, rejected=True, why="no", code="-1", at=START)
        if number % 3 == 1:
            return lambda: own.mark_unknown(each.client_order_id, "lost", START)
        done = report(each, OrderStatus.FILLED, fill(str(number), "0.0001", "30000"))
        return lambda: own.book(done, instrument(), minutes(1))

    assert set(_all_at_once([ending(number) for number in range(THREADS)])) == {"done"}
    balance = ledger.account(ACCOUNT).balances["USDT"]
    filled = THREADS // 3
    assert balance.total == Decimal("84.54") - 3 * filled
    assert balance.reserved == 4 * filled


@pytest.mark.parametrize("statements_until_cut", range(1, 14))
def test_a_connection_cut_in_the_middle_leaves_nothing_half_written(
    ledger: PostgresLedger, engine: Engine, database_url: str, statements_until_cut: int
) -> None:
    victim_engine = make_engine(database_url, pool_size=1)
    victim = PostgresLedger(victim_engine)
    made = order(signal(1), "60")
    done = report(made, OrderStatus.FILLED, fill("1", "0.001"))
    calls: list[Callable[[], object]] = [
        lambda: victim.reserve(made, decision(signal(1))),
        lambda: victim.mark_submitted(made.client_order_id, START),
        lambda: victim.book(done, instrument(), START),
    ]
    for call in calls:
        before = _dump(engine)
        if _was_cut(call, victim_engine, engine, statements_until_cut):
            assert _dump(engine) == before
            call()
        assert _dump(engine) != before
    victim_engine.dispose()
    assert ledger.account(ACCOUNT).balances["USDT"].total == Decimal("34.54")


def _was_cut(call: Callable[[], object], victim: Engine, killer: Engine, statements: int) -> bool:
    """Call, and end the victim's connection before its n-th statement; whether that was reached."""
    left = iter(range(statements - 1, -1, -1))

    def count_down(connection: object, cursor: Any, *_: object) -> None:
        if next(left, None) == 0:
            pid = cursor.connection.get_backend_pid()
            with transaction(killer) as killing:
                killing.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    event.listen(victim, "before_cursor_execute", count_down)
    try:
        call()
    except RetryLater:
        return True
    finally:
        event.remove(victim, "before_cursor_execute", count_down)
    return False
