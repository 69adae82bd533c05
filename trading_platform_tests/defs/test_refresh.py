"""The heartbeat: one run brings everything up to date, and one at a time is requested."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import dagster as dg
import pytest

from trading_platform.defs.lanes import ACTIVE
from trading_platform.defs.market_data.checks import CHECKS, SHOWN_ROWS, TOLD_REASONS, evaluate_candle_checks
from trading_platform.defs.market_data.refresh import refresh_sensor
from trading_platform.defs.trading.account import MAY_BUY, equity
from trading_platform.domain.check import CheckName
from trading_platform.domain.halt import DRAWDOWN_RULE
from trading_platform.domain.metric import MetricName
from trading_platform.services.halt_account import halt_account
from trading_platform.services.reconcile_balances import adopt_differences
from trading_platform_tests.defs.fake_platform import (
    CLOSED,
    FakePlatform,
    add_run,
    candle_closed_at,
    execute,
    fake_platform,
    materialized,
    tick,
)
from trading_platform_tests.fakes import FakeBroker, FakeMarketFeed
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL, minutes

REFRESHED = {"tickers", "candles", "indicators", "signals", "equity"}


def _table(value: dg.MetadataValue) -> list[dict[str, str]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [{name: str(cell) for name, cell in record.data.items()} for record in value.records]


def test_a_run_brings_everything_up_to_date(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    result = execute("refresh", platform, instance)

    assert result.success
    assert set(materialized(result)) == REFRESHED
    assert platform.store.candles(SYMBOL, MINUTE)[-1] == candle_closed_at(CLOSED)
    assert platform.store.count_candles(SYMBOL, MINUTE) == 500
    assert set(platform.store.tickers([SYMBOL])) == {SYMBOL}
    assert list(platform.store.indicators(SYMBOL, MINUTE, newest=9)) == [minutes(CLOSED - 1)]
    assert set(platform.ledger.evaluated_through(ACCOUNT).values()) == {minutes(CLOSED - 1)}


def test_the_next_run_brings_what_is_new(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    execute("refresh", platform, instance)
    platform.close_candles(3)

    result = execute("refresh", platform, instance)

    assert materialized(result)["candles"]["new_candles"].value == 3
    assert materialized(result)["indicators"]["new_rows"].value == 3
    assert materialized(result)["signals"]["judged_candles"].value == 3
    assert materialized(execute("refresh", platform, instance))["candles"]["new_candles"].value == 0


def test_what_a_trader_wants_to_see_stands_in_the_metadata(
    platform: FakePlatform, instance: dg.DagsterInstance
) -> None:
    result = execute("refresh", platform, instance)

    [series] = _table(materialized(result)["candles"]["series"])
    assert (series["symbol"], series["interval"], series["new"], series["corrected"]) == (SYMBOL, "1m", "500", "0")
    assert series["newest (UTC)"] == "2025-03-01 09:19:00"
    assert series["age"].split() == ["1", "min", "0", "s"]
    assert materialized(result)["candles"]["newest_candle"].value == minutes(CLOSED - 1).timestamp()
    rows = {row["indicator"]: row[SYMBOL] for row in _table(materialized(result)["indicators"]["newest_values"])}
    assert {"rsi_14", "ema_12", "ema_26", "atr_14", "adx_14"} <= set(rows)
    assert all(float(value) == float(value) for value in rows.values())
    [price] = _table(materialized(result)["tickers"]["prices"])
    assert float(price["bid"]) < float(price["ask"])


def test_checks_are_shown_and_recorded(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    result = execute("refresh", platform, instance)

    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert set(evaluations) == {check.name for check in CHECKS} | {MAY_BUY}
    assert all(evaluation.passed for evaluation in evaluations.values())
    del evaluations[MAY_BUY]
    recorded = platform.journal.latest_checks(SYMBOL, "1m")
    assert {result.passed for result in recorded.values()} == {True}
    shown = [row for evaluation in evaluations.values() for row in _table(evaluation.metadata["series"])]
    assert sorted(row["rule"] for row in shown) == sorted(rule.replace("_", " ") for rule in CheckName)
    assert {row["verdict"] for row in shown} == {"ok"}


def test_what_stops_the_account_from_buying_is_a_failed_check(
    platform: FakePlatform, instance: dg.DagsterInstance
) -> None:
    platform.open_account()
    halt_account(platform.ledger, platform.clock, ACCOUNT, "a look at it")

    result = execute("refresh", platform, instance)

    [evaluation] = [e for e in result.get_asset_check_evaluations() if e.check_name == MAY_BUY]
    assert result.success
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "a look at it" in (evaluation.description or "")


def test_a_refresh_run_pulls_the_switch_at_the_drawdown(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    execute("trade", platform, instance)  # the first balances
    execute("refresh", platform, instance)
    assert isinstance(platform.broker, FakeBroker)
    platform.broker.move(USDT=Decimal(-40))
    adopt_differences(platform.desk("by hand"), "lost", counts_as_result=True)

    result = execute("refresh", platform, instance)

    halt = platform.ledger.halt_in_force(ACCOUNT)
    assert halt is not None
    assert halt.by == DRAWDOWN_RULE
    assert [e.passed for e in result.get_asset_check_evaluations() if e.check_name == MAY_BUY] == [False]
    assert float(materialized(result)["equity"]["drawdown"].value) > 0.4


def test_a_failed_check_shows_and_the_run_goes_on(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    execute("refresh", platform, instance)
    platform.close_candles(1)
    impossible = replace(candle_closed_at(CLOSED + 1), high=Decimal(1))
    assert isinstance(platform.feed, FakeMarketFeed)
    platform.feed.add_candles(SYMBOL, MINUTE, [impossible])

    result = execute("refresh", platform, instance)

    [failed] = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert result.success
    assert (failed.check_name, failed.severity) == (CheckName.SANE.value, dg.AssetCheckSeverity.ERROR)
    assert "impossible prices" in (failed.description or "")
    assert not platform.journal.latest_checks(SYMBOL, "1m")[CheckName.SANE].passed


def test_a_hole_is_filled_and_shown(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    execute("refresh", platform, instance)
    platform.close_candles(5)
    jumped = candle_closed_at(CLOSED + 3)
    platform.store.write_candles(SYMBOL, MINUTE, [jumped], source="stream", received_at=jumped.open_time)

    result = execute("refresh", platform, instance)

    [series] = _table(materialized(result)["candles"]["series"])
    assert (series["repaired"], series["venue has none"]) == ("2", "0")
    assert platform.store.candles(SYMBOL, MINUTE)[-5:] == [candle_closed_at(CLOSED + n) for n in range(1, 6)]
    assert {evaluation.passed for evaluation in result.get_asset_check_evaluations()} == {True}


def test_what_failed_comes_first_and_a_warning_shows_as_one(
    platform: FakePlatform, instance: dg.DagsterInstance
) -> None:
    execute("refresh", platform, instance)
    crashed = replace(candle_closed_at(CLOSED), low=Decimal(1))
    platform.store.write_candles(SYMBOL, MINUTE, [crashed], source="rest", received_at=crashed.open_time)

    [failed] = [e for e in execute("refresh", platform, instance).get_asset_check_evaluations() if not e.passed]

    assert (failed.check_name, failed.severity) == ("candles_are_sane", dg.AssetCheckSeverity.WARN)
    assert (failed.description or "").startswith(f"{SYMBOL} 1m: 1 of the newest 5 candles jump")
    first, *others = _table(failed.metadata["series"])
    assert (first["series"].split(), first["rule"]) == ([SYMBOL, "1m"], "prices do not jump")
    assert first["verdict"] == "WARNING"
    assert {row["verdict"] for row in others} == {"ok"}


def test_of_many_series_a_few_stand_for_those_that_pass(instance: dg.DagsterInstance) -> None:
    many = fake_platform(market={"symbols": tuple(f"C{number}/USDT" for number in range(60)), "window_candles": 50})
    many.store.write_candles("C59/USDT", MINUTE, [candle_closed_at(CLOSED)], source="rest", received_at=minutes(0))

    evaluations = {evaluation.check_name: evaluation for evaluation in evaluate_candle_checks(many)}

    rows = _table(evaluations["stream_is_sound"].metadata["series"])
    assert len(rows) == SHOWN_ROWS + 1
    assert rows[-1]["why"] == f"{60 * 4 - SHOWN_ROWS} more"
    assert (evaluations["candles_are_fresh"].description or "").endswith(f"; {59 - TOLD_REASONS} more")


def test_the_events_of_a_run_are_bounded(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    result = execute("refresh", platform, instance)

    events = [entry for entry in instance.all_logs(result.run_id) if entry.dagster_event]
    by_checks = [e for e in events if "CHECK" in e.get_dagster_event().event_type_value]
    assert len(by_checks) == 2 * (len(CHECKS) + 1)  # the account's own is one more
    assert len(events) <= 50


def test_a_silent_venue_fails_the_run(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    feed = platform.feed
    assert isinstance(feed, FakeMarketFeed)
    feed.silent_symbols.add(SYMBOL)

    assert not execute("refresh", platform, instance).success


def test_a_silent_venue_still_shows_on_the_checks(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    execute("refresh", platform, instance)
    platform.close_candles(5)
    feed = platform.feed
    assert isinstance(feed, FakeMarketFeed)
    feed.silent_symbols.add(SYMBOL)

    result = execute("refresh", platform, instance)

    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert not result.success
    assert "candles" not in materialized(result)
    assert set(evaluations) == {check.name for check in CHECKS}
    assert not evaluations[CheckName.FRESH].passed
    assert "beyond the limit" in (evaluations[CheckName.FRESH].description or "")


def test_a_tick_requests_one_run_without_a_key(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    request = tick(refresh_sensor, platform, instance)

    assert isinstance(request, dg.RunRequest)
    assert request.run_key is None


@pytest.mark.parametrize("status", ACTIVE)
def test_a_tick_requests_nothing_while_a_run_is_active(
    platform: FakePlatform, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    add_run(instance, "refresh", status)
    add_run(instance, "trade", dg.DagsterRunStatus.SUCCESS)

    assert isinstance(tick(refresh_sensor, platform, instance), dg.SkipReason)


@pytest.mark.parametrize("status", [status for status in dg.DagsterRunStatus if status not in ACTIVE])
def test_an_ended_run_keeps_nothing_back(
    platform: FakePlatform, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    add_run(instance, "refresh", status)
    add_run(instance, "trade", dg.DagsterRunStatus.STARTED)

    assert isinstance(tick(refresh_sensor, platform, instance), dg.RunRequest)


def test_while_stepping_the_heartbeat_rests(
    instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stepping = fake_platform(replay={"folder": tmp_path_factory.mktemp("candles"), "step": True})

    assert isinstance(tick(refresh_sensor, stepping, instance), dg.SkipReason)


def test_a_run_writes_down_how_long_it_took(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    result = execute("refresh", platform, instance)

    [measured] = platform.store.metrics(MetricName.RUN_SECONDS, since=minutes(0))
    record = instance.get_run_record_by_id(result.run_id)
    assert record is not None
    assert record.start_time is not None
    assert record.end_time is not None
    assert measured.subject == "refresh"
    assert 0 < measured.value <= record.end_time - record.start_time
    assert [point.subject for point in platform.store.metrics(MetricName.CANDLE_AGE_SECONDS, since=minutes(0))] == [
        SYMBOL
    ]


def test_equity_by_itself_is_no_refresh_run(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    dg.materialize([equity], instance=instance, resources={"platform": platform}, raise_on_error=True)

    assert platform.store.metrics(MetricName.RUN_SECONDS, since=minutes(0)) == []
    assert len(platform.store.metrics(MetricName.ORDERS_IN_FLIGHT, since=minutes(0))) == 1
