"""What the database remembers beyond the present state, for an owner who asks with psql."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Engine, Row, text

from trading_platform.adapters.postgres.candle_writer import BULK_ROWS
from trading_platform.adapters.postgres.health_journal import PostgresHealthJournal
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.domain.check import CheckName, CheckResult
from trading_platform.domain.order import OrderStatus
from trading_platform_tests.support.examples import (
    ACCOUNT,
    MINUTE,
    START,
    SYMBOL,
    candle,
    decision,
    fill,
    instrument,
    minutes,
    order,
    report,
    signal,
)


def rows(engine: Engine, query: str) -> list[Row[tuple[object, ...]]]:
    with engine.connect() as connection:
        return list(connection.execute(text(query)).all())


@pytest.mark.parametrize("candles", [2, BULK_ROWS + 1])
def test_corrected_candles_are_kept_as_they_were(engine: Engine, candles: int) -> None:
    store = PostgresSeriesStore(engine)
    for number, source in enumerate(["stream", "rest", "rest"]):
        corrected = replace(candle(1), volume=Decimal(number))
        batch = [corrected if minute == 1 else candle(minute) for minute in range(candles)]
        store.write_candles(SYMBOL, MINUTE, batch, source=source, received_at=minutes(number))
    kept = "SELECT open_time, revision, volume, source, received_at FROM candle_corrections ORDER BY revision"
    assert rows(engine, kept) == [
        (minutes(1), 0, 0, "stream", minutes(0)),
        (minutes(1), 1, 1, "rest", minutes(1)),
    ]
    now = "SELECT revision, volume, source, received_at FROM candles WHERE revision > 0"
    assert rows(engine, now) == [(2, 2, "rest", minutes(2))]


def test_every_status_of_an_order_is_kept_with_its_reason(engine: Engine) -> None:
    ledger = _ledger(engine)
    made, refused = order(signal(1), "60"), order(signal(2), "10")
    for number, each in enumerate((made, refused), start=1):
        ledger.reserve(each, decision(signal(number), message="a cross"))
        ledger.mark_submitted(each.client_order_id, minutes(number))
    ledger.mark_unknown(made.client_order_id, "read timeout", minutes(3))
    ledger.book(report(made, OrderStatus.PARTIALLY_FILLED, fill("1", "0.0004")), instrument(), minutes(4))
    ledger.book(report(made, OrderStatus.FILLED, fill("1", "0.0004"), fill("2", "0.0006")), instrument(), minutes(5))
    ledger.close_unfilled(refused.client_order_id, rejected=True, why="too little", code="-2010", at=minutes(6))
    told = "SELECT status, reason, code, at FROM order_events WHERE client_order_id = '{}' ORDER BY event_id"
    assert rows(engine, told.format(made.client_order_id)) == [
        ("intended", "a cross", None, START),
        ("submitted", "about to be sent", None, minutes(1)),
        ("unknown", "read timeout", None, minutes(3)),
        ("open", "the venue has it", None, minutes(4)),
        ("partially_filled", "the venue reports 0.0004 of 0.001 filled", None, minutes(4)),
        ("filled", "the venue reports 0.0010 of 0.001 filled", None, minutes(5)),
    ]
    assert rows(engine, told.format(refused.client_order_id))[-1] == ("rejected", "too little", "-2010", minutes(6))
    ended = rows(engine, "SELECT asset, amount, remaining, state, ended_at FROM reservations ORDER BY amount DESC")
    assert ended == [("USDT", 60, 0, "settled", minutes(5)), ("USDT", 10, 0, "released", minutes(6))]


def test_every_change_of_a_total_is_kept_and_what_was_missing(engine: Engine) -> None:
    ledger = _ledger(engine)
    made = order(signal(1), "60")
    ledger.reserve(made, decision(signal(1)))
    ledger.book(report(made, OrderStatus.FILLED, fill("1", "0.002")), instrument(), minutes(4))
    changes = "SELECT asset, cause, total_before, total_after, missing FROM balance_changes ORDER BY changed_at, asset"
    assert rows(engine, changes) == [
        ("USDT", "reconciliation", 0, Decimal("84.54"), 0),
        ("BTC", "booking", 0, Decimal("0.002"), 0),
        ("USDT", "booking", Decimal("84.54"), 0, Decimal("15.46")),
    ]


def test_only_changes_of_a_check_are_kept(engine: Engine) -> None:
    journal = PostgresHealthJournal(engine)
    for minute, passed in enumerate([True, True, False, False, True]):
        result = CheckResult(CheckName.FRESH, SYMBOL, "1m", passed, f"at {minute}", None, minutes(minute))
        journal.record_checks([result])
    kept = rows(engine, "SELECT passed, reason FROM check_changes ORDER BY change_id")
    assert kept == [(True, "at 0"), (False, "at 2"), (True, "at 4")]


def _ledger(engine: Engine) -> PostgresLedger:
    ledger = PostgresLedger(engine)
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": Decimal("84.54")}, at_revision=0, at=START)
    ledger.record_signals([signal(1), signal(2)], START)
    return ledger
