"""The daily clean-up: old runs go with their events, and what is young or active stays (I9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from trading_platform.defs.lanes import ACTIVE
from trading_platform.defs.maintenance.retention import daily_retention
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform_tests.defs.fake_platform import FakePlatform, add_run, execute, fake_platform, output_metadata
from trading_platform_tests.fakes import FakeClock
from trading_platform_tests.support.examples import SYMBOL

FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def _after(hours: float) -> FakePlatform:
    """A platform for which so many hours have passed: what happens now is old for it."""
    platform = fake_platform()
    vars(platform)["clock"] = FakeClock(datetime.now(UTC) + timedelta(hours=hours))
    return platform


def _clean_up(instance: dg.DagsterInstance, hours: float) -> set[str]:
    """Clean up so many hours later; ids of the runs that are left, without the clean-up's own."""
    result = execute("retention", _after(hours), instance)
    assert result.success
    return {run.run_id for run in instance.get_runs()} - {result.run_id}


@pytest.mark.parametrize(("hours", "kept"), [(23.9, True), (24.1, False)])
def test_successful_runs_are_kept_for_a_day(instance: dg.DagsterInstance, hours: float, kept: bool) -> None:
    run = add_run(instance, "refresh", dg.DagsterRunStatus.SUCCESS)

    assert (run.run_id in _clean_up(instance, hours)) is kept


@pytest.mark.parametrize("status", FAILED)
@pytest.mark.parametrize(("hours", "kept"), [(167.9, True), (168.1, False)])
def test_runs_that_went_wrong_are_kept_for_a_week(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, hours: float, kept: bool
) -> None:
    run = add_run(instance, "trade", status)

    assert (run.run_id in _clean_up(instance, hours)) is kept


@pytest.mark.parametrize("status", ACTIVE)
def test_active_runs_are_never_deleted(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    run = add_run(instance, "refresh", status)

    assert run.run_id in _clean_up(instance, 10_000)


def test_events_go_with_their_runs(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    run_id = execute("refresh", platform, instance).run_id
    assert instance.all_logs(run_id) != []

    _clean_up(instance, 25)

    assert instance.all_logs(run_id) == []
    assert instance.fetch_materializations(dg.AssetKey("candles"), limit=9).records == []


def test_many_runs_go_in_batches(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_platform.defs.maintenance.retention.BATCH", 3)
    for _ in range(8):
        add_run(instance, "refresh", dg.DagsterRunStatus.SUCCESS)

    assert _clean_up(instance, 25) == set()


def test_the_journals_are_pruned(instance: dg.DagsterInstance) -> None:
    later = _after(73)
    journal = later.journal
    journal.open_incident("k", "it is stale", "", datetime.now(UTC))
    journal.close_incident("k", "it is fresh again", "", datetime.now(UTC))
    for waiting in journal.undelivered(9):
        journal.mark_delivered(waiting.notification_id, datetime.now(UTC))
    long_ago = datetime.now(UTC) - timedelta(hours=100)
    later.streams.record([StreamStatus(SYMBOL, StreamState.LIVE, "data arrives", long_ago, None, long_ago)])
    for hours in (60, 120):  # before now: 133 and 193 hours for the clean-up
        at = datetime.now(UTC) - timedelta(hours=hours)
        later.store.save_metrics([MetricPoint(MetricName.ORDERS_IN_FLIGHT, 0, at)])

    result = execute("retention", later, instance)

    assert output_metadata(result, "delete_old_runs")["pruned_rows"].value == 5
    assert len(later.store.metrics(MetricName.ORDERS_IN_FLIGHT, since=long_ago)) == 1


def test_a_silent_store_fails_no_clean_up(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(before: datetime) -> int:
        raise RetryLater("InfluxDB is silent")

    add_run(instance, "refresh", status=dg.DagsterRunStatus.SUCCESS)
    later = _after(25)
    monkeypatch.setattr(later.store, "prune_indicators", silent)

    result = execute("retention", later, instance)

    assert result.success
    told = output_metadata(result, "delete_old_runs")
    assert told["deleted_runs"].value == 1
    assert told["put_off"].value == "indicators: InfluxDB is silent"


def test_it_happens_every_night() -> None:
    assert daily_retention.cron_schedule == "17 3 * * *"
    assert daily_retention.execution_timezone == "UTC"
    assert daily_retention.job_name == "retention"
