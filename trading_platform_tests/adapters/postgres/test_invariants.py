"""What the database refuses, whoever writes by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform_tests.support.examples import ACCOUNT, START, decision, order, signal

RESERVED = order(signal(), "67.63")


@pytest.fixture
def by_hand(engine: Engine) -> Engine:
    """A ledger with 84.54 USDT of which 67.63 are reserved for an intent."""
    ledger = PostgresLedger(engine)
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": Decimal("84.54")}, at_revision=0, at=START)
    ledger.record_signals([signal(), signal(2)], START)
    ledger.reserve(RESERVED, decision(signal()))
    return engine


@contextmanager
def refused(engine: Engine, why: str) -> Iterator[None]:
    with engine.connect() as connection:
        before = connection.execute(text("SELECT total, reserved FROM balances")).one()
    with pytest.raises(IntegrityError, match=why):
        yield
    with engine.connect() as connection:
        assert connection.execute(text("SELECT total, reserved FROM balances")).one() == before


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    "balances",
    [
        "reserved = 84.55",
        "reserved = -0.01",
        "total = 67.62",
        "total = -1, reserved = 0",
        "total = 'NaN'",
        "total = 'Infinity'",
    ],
)
def test_overspending(by_hand: Engine, balances: str) -> None:
    with refused(by_hand, "balances_never_overspent"):
        run(by_hand, f"UPDATE balances SET {balances}")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE balances SET reserved = reserved - 1",
        "UPDATE balances SET reserved = reserved + 1",
        "UPDATE reservations SET remaining = remaining - 1",
        "UPDATE reservations SET state = 'released', remaining = 0, ended_at = now()",
        "DELETE FROM reservations",
    ],
)
def test_reserved_always_equals_the_active_reservations(by_hand: Engine, change: str) -> None:
    with refused(by_hand, "reserved in balances|its reservation is"):
        run(by_hand, change)


def _order_by_hand(status: str = "intended") -> str:
    other = order(signal(2), "1")
    return (
        "INSERT INTO orders (client_order_id, account, signal_id, leg, strategy, symbol, side, quantity, status,"
        f" created_at) VALUES ('{other.client_order_id}', 'main', '{other.signal_id}', 'entry', 'trend_following',"
        f" 'BTC/USDT', 'buy', 1, '{status}', now())"
    )


def _event_by_hand(status: str = "intended") -> str:
    return (
        "INSERT INTO order_events (client_order_id, kind, status, reason, at) VALUES"
        f" ('{order(signal(2), '1').client_order_id}', '{status}', '{status}', 'by hand', now())"
    )


def _reservation_by_hand(amount: str) -> str:
    return (
        "INSERT INTO reservations (client_order_id, account, asset, amount, remaining, state, created_at) VALUES"
        f" ('{order(signal(2), '1').client_order_id}', 'main', 'USDT', {amount}, {amount}, 'active', now())"
    )


def test_an_order_without_a_reservation(by_hand: Engine) -> None:
    with refused(by_hand, "its reservation is missing"):
        run(by_hand, _order_by_hand())


def test_a_reservation_that_the_balance_does_not_know(by_hand: Engine) -> None:
    with refused(by_hand, "reserved in balances"):
        run(by_hand, _order_by_hand(), _event_by_hand(), _reservation_by_hand("10"))


def test_a_reservation_beyond_the_free_balance(by_hand: Engine) -> None:
    with refused(by_hand, "balances_never_overspent"):
        run(
            by_hand,
            _order_by_hand(),
            _event_by_hand(),
            _reservation_by_hand("16.92"),
            "UPDATE balances SET reserved = reserved + 16.92",
        )


def test_all_three_together_are_accepted(by_hand: Engine) -> None:
    run(
        by_hand,
        _order_by_hand(),
        _event_by_hand(),
        _reservation_by_hand("16.91"),
        "UPDATE balances SET reserved = reserved + 16.91",
    )
    assert PostgresLedger(by_hand).account(ACCOUNT).balances["USDT"].free == 0


_HALT = (
    "INSERT INTO halts (account, halted_by, reason, flatten, halted_at, venue_time)"
    " VALUES ('main', 'owner', 'holiday', false, now(), now())"
)
_RESERVED_WITH_ORDER = (
    _reservation_by_hand("1"),
    "UPDATE balances SET reserved = reserved + 1",
)


def test_a_halted_account_buying(by_hand: Engine) -> None:
    with refused(by_hand, "account main is halted"):
        run(by_hand, _HALT, _order_by_hand(), _event_by_hand(), *_RESERVED_WITH_ORDER)


def test_a_halted_account_selling_is_accepted(by_hand: Engine) -> None:
    selling = _order_by_hand().replace("'buy'", "'sell'")
    run(by_hand, _HALT, selling, _event_by_hand(), *_RESERVED_WITH_ORDER)


def test_a_live_account_buying_unarmed(by_hand: Engine) -> None:
    live = "UPDATE accounts SET mode = 'live'"
    with refused(by_hand, "account main is not armed"):
        run(by_hand, live, _order_by_hand(), _event_by_hand(), *_RESERVED_WITH_ORDER)


def test_two_halts_at_once(by_hand: Engine) -> None:
    with refused(by_hand, "halts_one_in_force"):
        run(by_hand, _HALT, _HALT)


@pytest.mark.parametrize("status", ["filled", "cancelled", "rejected", "expired"])
def test_a_settled_order_that_keeps_its_reservation(by_hand: Engine, status: str) -> None:
    with refused(by_hand, "but its reservation is active"):
        run(by_hand, f"UPDATE orders SET status = '{status}'")


def test_an_open_order_that_loses_its_reservation(by_hand: Engine) -> None:
    with refused(by_hand, "is intended, but its reservation is released"):
        run(
            by_hand,
            "UPDATE reservations SET state = 'released', remaining = 0, ended_at = now()",
            "UPDATE balances SET reserved = 0",
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET status = 'FILLED'",
        "UPDATE orders SET quantity = 0",
        "UPDATE orders SET client_order_id = repeat('x', 33)",
        "UPDATE reservations SET remaining = amount + 1",
        "UPDATE reservations SET state = 'gone'",
        "UPDATE accounts SET mode = 'backtest'",
        "UPDATE signals SET direction = 'up'",
    ],
)
def test_values_that_mean_nothing(by_hand: Engine, statement: str) -> None:
    with refused(by_hand, "violates"):
        run(by_hand, statement)


def test_a_status_that_no_event_led_to(by_hand: Engine) -> None:
    with refused(by_hand, "is submitted, but its events say intended"):
        run(by_hand, "UPDATE orders SET status = 'submitted'")


def test_an_event_that_did_not_change_its_order(by_hand: Engine) -> None:
    submitted = _event_by_hand("submitted").replace(order(signal(2), "1").client_order_id, RESERVED.client_order_id)
    with refused(by_hand, "is intended, but its events say submitted"):
        run(by_hand, submitted)


@pytest.mark.parametrize("change", ["UPDATE order_events SET reason = 'another'", "DELETE FROM order_events"])
def test_events_that_are_rewritten(by_hand: Engine, change: str) -> None:
    with refused(by_hand, "only ever added"):
        run(by_hand, change)


def test_an_order_that_had_ended_and_opens_again(by_hand: Engine) -> None:
    PostgresLedger(by_hand).close_unfilled(RESERVED.client_order_id, rejected=True, why="no", code="-1", at=START)
    with refused(by_hand, "is rejected, so it can't become open"):
        run(by_hand, "UPDATE orders SET status = 'open'")


@pytest.mark.parametrize(
    "values",
    [
        "kind = 'limit'",
        "kind = 'stop_loss'",
        "kind = 'take_profit'",
        "limit_price = 1",
        "stop_price = 1",
        "kind = 'limit', limit_price = 0",
    ],
)
def test_an_order_without_the_prices_of_its_kind(by_hand: Engine, values: str) -> None:
    with refused(by_hand, "violates check constraint"):
        run(by_hand, f"UPDATE orders SET {values}")


def test_a_second_order_for_the_same_leg(by_hand: Engine) -> None:
    with refused(by_hand, "orders_one_per_leg"):
        run(by_hand, _order_by_hand().replace(order(signal(2), "1").signal_id, RESERVED.signal_id))


def test_a_second_open_position_in_a_symbol(by_hand: Engine) -> None:
    position = (
        "INSERT INTO positions (account, symbol, strategy, entry_candle_close, opened_at, quantity, bought_quantity,"
        " cost_quote, realized_pnl_quote) VALUES ('main', 'BTC/USDT', 's', now(), now(), 1, 1, 1, 0)"
    )
    with refused(by_hand, "positions_one_open_per_symbol"):
        run(by_hand, position, position)


def test_a_second_open_incident_of_a_key(by_hand: Engine) -> None:
    incident = "INSERT INTO incidents (key, summary, opened_at) VALUES ('stale', '', now())"
    with refused(by_hand, "incidents_one_open_per_key"):
        run(by_hand, incident, incident)
