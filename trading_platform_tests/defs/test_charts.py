"""Charts: drawn when a candle closes, shown where the owner looks, and a bounded number kept (I9)."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from trading_platform.defs.charts.assets import chart_sensor, forget_old_charts
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.metric import MetricPoint
from trading_platform.services.value_account import record_equity
from trading_platform_tests.defs.fake_platform import (
    PNG,
    FakePlatform,
    add_run,
    execute,
    fake_platform,
    materialized,
    tick,
)
from trading_platform_tests.support.examples import ACCOUNT

_IMAGE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.fixture
def refreshed(platform: FakePlatform, instance: dg.DagsterInstance) -> FakePlatform:
    """A platform with candles, signals and two points of equity."""
    execute("refresh", platform, instance)
    execute("trade", platform, instance)
    for _ in range(2):
        record_equity(platform.ledger, platform.store, platform.clock, ACCOUNT)
        platform.close_candles(1)
    return platform


def _chart_runs(instance: dg.DagsterInstance) -> list[str]:
    return [run.run_id for run in instance.get_runs(dg.RunsFilter(job_name="draw_charts"))]


def test_all_charts_are_shown_as_pictures(refreshed: FakePlatform, instance: dg.DagsterInstance) -> None:
    result = execute("draw_charts", refreshed, instance)

    charts = {asset: metadata["chart"].value for asset, metadata in materialized(result).items()}
    assert set(charts) == {"price_chart", "equity_chart", "platform_chart"}
    assert all(isinstance(chart, str) and _IMAGE in chart for chart in charts.values())


def test_an_account_that_is_old_is_shown_since_it_began_too(
    refreshed: FakePlatform, instance: dg.DagsterInstance
) -> None:
    [newest] = refreshed.ledger.equity_history(ACCOUNT, 1)
    long_ago = newest.venue_time - timedelta(days=90)
    refreshed.ledger.record_equity(replace(newest, venue_time=long_ago))

    result = execute("draw_charts", refreshed, instance)

    since_it_began = materialized(result)["equity_chart"]["since_it_began"].value
    assert isinstance(since_it_began, str)
    assert _IMAGE in since_it_began


def test_with_nothing_to_draw_nothing_is_materialized(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    platform.open_account()

    result = execute("draw_charts", platform, instance)

    assert result.success
    assert materialized(result) == {}


def test_metrics_that_cannot_be_asked_for_keep_no_other_chart_from_being_drawn(
    refreshed: FakePlatform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> list[MetricPoint]:
        raise RetryLater("the store is silent")

    monkeypatch.setattr(refreshed.store, "metrics", silent)
    result = execute("draw_charts", refreshed, instance)
    assert result.success
    assert set(materialized(result)) == {"price_chart", "equity_chart"}


def test_a_closed_candle_requests_one_chart(refreshed: FakePlatform, instance: dg.DagsterInstance) -> None:
    requested = tick(chart_sensor, refreshed, instance)
    again = tick(chart_sensor, refreshed, instance, cursor=requested.cursor)
    execute("refresh", refreshed, instance)
    next_one = tick(chart_sensor, refreshed, instance, cursor=requested.cursor)

    assert len(requested.run_requests) == 1
    assert isinstance(again, dg.SkipReason)
    assert len(next_one.run_requests) == 1


def test_nothing_is_requested_without_candles_or_while_drawing(
    refreshed: FakePlatform, instance: dg.DagsterInstance
) -> None:
    assert isinstance(tick(chart_sensor, fake_platform(), instance), dg.SkipReason)
    add_run(instance, "draw_charts")
    assert isinstance(tick(chart_sensor, refreshed, instance), dg.SkipReason)


def test_charts_can_be_switched_off(instance: dg.DagsterInstance) -> None:
    without = fake_platform(charts={"enabled": False})
    execute("refresh", without, instance)

    assert isinstance(tick(chart_sensor, without, instance), dg.SkipReason)


def test_the_newest_charts_are_kept_and_older_ones_go_with_their_pictures(
    refreshed: FakePlatform, instance: dg.DagsterInstance
) -> None:
    drawn = [execute("draw_charts", refreshed, instance).run_id for _ in range(4)]
    others = [execute("refresh", refreshed, instance).run_id]

    assert forget_old_charts(instance, keep=2) == 2

    assert _chart_runs(instance) == drawn[:1:-1]
    key = dg.AssetKey("price_chart")
    records = instance.fetch_materializations(key, limit=99).records
    assert {record.run_id for record in records} == set(drawn[2:])
    assert instance.all_logs(drawn[0]) == []
    assert instance.get_run_by_id(others[0]) is not None
    assert forget_old_charts(instance, keep=2) == 0


def test_a_tick_forgets_what_is_beyond_the_limit(instance: dg.DagsterInstance) -> None:
    frugal = fake_platform(charts={"keep": 1})
    execute("refresh", frugal, instance)
    drawn = [execute("draw_charts", frugal, instance).run_id for _ in range(3)]

    tick(chart_sensor, frugal, instance)

    assert _chart_runs(instance) == drawn[-1:]


def test_charts_in_progress_are_not_forgotten(refreshed: FakePlatform, instance: dg.DagsterInstance) -> None:
    active = add_run(instance, "draw_charts").run_id
    execute("draw_charts", refreshed, instance)

    assert forget_old_charts(instance, keep=1) == 0
    assert active in _chart_runs(instance)
