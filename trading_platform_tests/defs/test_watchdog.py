"""The watchdog shows silence on the check, also while nothing refreshes (I6)."""

from __future__ import annotations

import time

import dagster as dg
import pytest

from trading_platform.defs.health import watchdog
from trading_platform.defs.health.watchdog import freshness_watchdog
from trading_platform.domain.check import CheckName
from trading_platform_tests.defs.fake_platform import FakePlatform, execute, tick

LONG_AGO = -1e9


@pytest.fixture(autouse=True)
def _started_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_loaded_at", LONG_AGO)


def _tick(platform: FakePlatform, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    result = tick(freshness_watchdog, platform, instance, cursor)
    assert isinstance(result, dg.SensorResult)
    return result


def _verdicts(result: dg.SensorResult) -> list[bool]:
    assert all(isinstance(event, dg.AssetCheckEvaluation) for event in result.asset_events)
    return [event.passed for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]


def test_only_changes_are_reported(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    execute("refresh", platform, instance)
    fresh = _tick(platform, instance)
    still_fresh = _tick(platform, instance, fresh.cursor)
    platform.close_candles(5)
    stale = _tick(platform, instance, fresh.cursor)
    still_stale = _tick(platform, instance, stale.cursor)
    execute("refresh", platform, instance)
    again = _tick(platform, instance, stale.cursor)

    assert [_verdicts(each) for each in (fresh, still_fresh, stale, still_stale, again)] == [
        [True],
        [],
        [False],
        [],
        [True],
    ]
    titles = [message.title for message in platform.journal.undelivered(9)]
    assert titles == ["BTC/USDT 1m is stale", "BTC/USDT 1m is fresh again"]


def test_the_report_is_one_of_the_candles_own_check(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    [report] = _tick(platform, instance).asset_events

    assert isinstance(report, dg.AssetCheckEvaluation)
    assert (report.asset_key, report.check_name) == (dg.AssetKey("candles"), CheckName.FRESH.value)
    assert type(report.check_name) is str
    assert "no candle stored yet" in (report.description or "")


def test_old_data_at_a_start_opens_no_incident(
    platform: FakePlatform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_loaded_at", time.monotonic())

    result = _tick(platform, instance)

    assert _verdicts(result) == [False]
    assert platform.journal.open_incidents() == []
