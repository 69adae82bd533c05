"""The trade job and its sensor: requested while the ledger has work, and only then."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from trading_platform.defs.lanes import ACTIVE
from trading_platform.defs.trading.job import trade_sensor
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName
from trading_platform.domain.order import OrderStatus
from trading_platform.domain.risk import ReasonCode
from trading_platform.services.halt_account import halt_account
from trading_platform_tests.defs.fake_platform import (
    CLOSED,
    FakePlatform,
    add_run,
    candle_closed_at,
    execute,
    fake_platform,
    output_metadata,
    tick,
)
from trading_platform_tests.fakes import FakeBroker, FakeLedger
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL, decision, signal


@pytest.fixture
def platform(instance: dg.DagsterInstance) -> FakePlatform:
    """A platform with fresh data, reconciled balances and nothing to do."""
    made = fake_platform()
    execute("refresh", made, instance)
    price = candle_closed_at(CLOSED).close
    now = made.clock.read()
    made.store.write_tickers([Ticker(SYMBOL, price - 1, price, price, now.now, now.wall)])
    assert isinstance(made.broker, FakeBroker)
    made.broker.prices[SYMBOL] = price
    for waiting in made.ledger.open_signals(ACCOUNT):
        made.ledger.record_decision(decision(waiting, reason=ReasonCode.SIGNAL_EXPIRED))
    execute("trade", made, instance)
    return made


def _says_buy(platform: FakePlatform) -> None:
    platform.ledger.record_signals([signal(CLOSED)], datetime.now(UTC))


def test_a_run_turns_a_signal_into_a_filled_order(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    _says_buy(platform)

    result = execute("trade", platform, instance)

    assert result.success
    status = {order.leg: order.status for order in platform.ledger.recent_orders(ACCOUNT, 9)}
    assert status == {"entry": OrderStatus.FILLED, "stop": OrderStatus.OPEN, "target": OrderStatus.OPEN}
    assert tick(trade_sensor, platform, instance).skip_message


def test_a_decision_names_the_run_that_made_it(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    _says_buy(platform)
    result = execute("trade", platform, instance)

    newest = platform.ledger.recent_decisions(ACCOUNT, 1)[0]

    assert newest.reason is ReasonCode.APPROVED
    assert newest.details["run_id"] == result.run_id


def test_balances_decisions_and_orders_stand_in_the_metadata(
    platform: FakePlatform, instance: dg.DagsterInstance
) -> None:
    _says_buy(platform)
    result = execute("trade", platform, instance)

    metadata = output_metadata(result, "trade_account")

    assert (metadata["entries"].value, metadata["exits"].value, metadata["reconciled"].value) == (1, 0, True)
    tables = {
        name: [dict(row.data) for row in metadata[name].value.records] for name in ("balances", "orders", "decisions")
    }
    assert {row["asset"] for row in tables["balances"]} == {"BTC", "USDT"}
    assert {row["leg"]: row["status"] for row in tables["orders"]} == {
        "entry": "filled",
        "stop": "open",
        "target": "open",
    }
    assert (tables["decisions"][0]["symbol"], tables["decisions"][0]["run"]) == ("BTC/USDT", "this one")
    assert {row["run"] for row in tables["decisions"][2:]} <= {"this one", "an earlier one"}


def test_the_run_that_sells_for_a_halt_tells_what_it_did(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    _says_buy(platform)
    execute("trade", platform, instance)
    halt_account(platform.ledger, platform.clock, ACCOUNT, "sell all", flatten=True)

    result = execute("trade", platform, instance)

    assert result.success
    assert platform.ledger.open_positions(ACCOUNT) == []
    assert "by the halt of" in output_metadata(result, "trade_account")["why short BTC/USDT"].value


def test_what_explain_tells_stands_in_the_metadata(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    assert not [
        name for name in output_metadata(execute("trade", platform, instance), "trade_account") if "why" in name
    ]
    _says_buy(platform)
    result = execute("trade", platform, instance)

    why = output_metadata(result, "trade_account")["why long BTC/USDT"].value

    [order] = [o for o in platform.ledger.recent_orders(ACCOUNT, 9) if o.leg == "entry"]
    for words in ("**Signal**", "**Decision: approved**", "size: fixed_fraction", order.client_order_id, result.run_id):
        assert words in why


def test_work_requests_a_run_without_a_key(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    assert isinstance(tick(trade_sensor, platform, instance), dg.SkipReason)
    _says_buy(platform)

    request = tick(trade_sensor, platform, instance)

    assert isinstance(request, dg.RunRequest)
    assert request.run_key is None
    assert request.tags["trading/work"] == "1 open signals"


def test_a_failed_run_is_requested_again(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    _says_buy(platform)
    assert isinstance(platform.ledger, FakeLedger)
    platform.ledger.is_down = True
    assert not execute("trade", platform, instance).success
    platform.ledger.is_down = False

    assert isinstance(tick(trade_sensor, platform, instance), dg.RunRequest)


@pytest.mark.parametrize("status", ACTIVE)
def test_nothing_is_requested_while_a_run_is_active(
    platform: FakePlatform, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    _says_buy(platform)
    add_run(instance, "trade", status)

    assert isinstance(tick(trade_sensor, platform, instance), dg.SkipReason)


def test_the_first_tick_opens_the_account(instance: dg.DagsterInstance) -> None:
    fresh = fake_platform()

    request = tick(trade_sensor, fresh, instance)

    assert isinstance(request, dg.RunRequest)
    assert request.tags["trading/work"] == "balances to reconcile"


def test_while_stepping_the_sensor_rests(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    stepping = fake_platform(replay={"folder": tmp_path, "step": True})

    assert isinstance(tick(trade_sensor, stepping, instance), dg.SkipReason)


def test_a_run_writes_down_how_long_it_and_its_orders_took(
    platform: FakePlatform, instance: dg.DagsterInstance
) -> None:
    before = datetime.now(UTC)
    _says_buy(platform)

    execute("trade", platform, instance)

    runs = platform.store.metrics(MetricName.RUN_SECONDS, since=before)
    assert [point.subject for point in runs] == ["trade"]
    latencies = platform.store.metrics(MetricName.ORDER_LATENCY_SECONDS, since=before)
    assert {point.subject for point in latencies} == {SYMBOL}
    assert all(0 <= point.value <= runs[0].value for point in latencies)
