"""History in Dagster: a partition per day, compared with the venue, and every night the day that is over."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from trading_platform.definitions import definitions
from trading_platform.defs.history.assets import AGREES, DAYS, history_key
from trading_platform.defs.history.daily import daily_history
from trading_platform.runtime.report_partitions import report_partitions
from trading_platform_tests.defs.fake_platform import (
    CLOSED,
    FakePlatform,
    candle_closed_at,
    fake_platform,
    materialized,
)
from trading_platform_tests.support.examples import MINUTE, SYMBOL, minutes

KEY = history_key("1m")
DAY = "2025-03-01"


def fill(platform: FakePlatform, instance: dg.DagsterInstance, day: str = DAY) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def("history").execute_in_process(
        instance=instance, resources={"platform": platform}, partition_key=day, raise_on_error=False
    )


def table(value: Any) -> list[dict[str, str]]:
    return [dict(record.data) for record in value.records]


def test_a_partition_holds_a_days_candles(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    result = fill(platform, instance)

    assert result.success
    metadata = materialized(result)[KEY.to_user_string()]
    assert table(metadata["series"]) == [
        {
            "symbol": SYMBOL,
            "rows": str(CLOSED),
            "of": str(CLOSED),
            "new": str(CLOSED),
            "corrected": "0",
            "same": "0",
            "lacking": "0",
        }
    ]
    assert metadata["dagster/partition_row_count"].value == CLOSED
    assert "gaps_of_the_venue" not in metadata
    assert platform.store.count_candles(SYMBOL, MINUTE) == CLOSED
    assert instance.get_materialized_partitions(KEY) == {DAY}


def test_a_second_run_finds_everything_there(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    fill(platform, instance)
    result = fill(platform, instance)

    metadata = materialized(result)[KEY.to_user_string()]
    assert (metadata["new_candles"].value, metadata["corrected_candles"].value) == (0, 0)
    [check] = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == (AGREES, True)
    assert check.description == f"{DAY}: {SYMBOL}, {CLOSED} stored candles compared ({CLOSED} by rest)"


def test_a_live_row_that_differs_shows_and_is_corrected(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    wrong = replace(candle_closed_at(100), volume=Decimal("77.5"))
    platform.store.write_candles(SYMBOL, MINUTE, [wrong], source="stream", received_at=minutes(100))

    result = fill(platform, instance)

    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "1 differ, the first: 2025-03-01 01:39 UTC (stream): volume 77.5 instead of 1" in (check.description or "")
    [difference] = table(check.metadata["differences"])
    assert difference["symbol"] == SYMBOL
    assert materialized(result)[KEY.to_user_string()]["corrected_candles"].value == 1
    assert platform.store.candles(SYMBOL, MINUTE)[99] == candle_closed_at(100)


def test_a_day_that_has_not_begun_fails(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    assert not fill(platform, instance, "2025-03-02").success
    assert instance.get_materialized_partitions(KEY) == set()


def test_partitions_reach_from_the_setting_to_today() -> None:
    with dg.DagsterInstance.ephemeral():
        keys = DAYS.get_partition_keys(current_time=datetime(2025, 3, 1, 0, 5, tzinfo=UTC))
    assert (keys[0], keys[-1]) == ("2024-01-01", "2025-03-01")


def _tick(platform: FakePlatform, instance: dg.DagsterInstance, at: datetime) -> Any:
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, resources={"platform": platform}
    )
    return daily_history(context)


def test_every_night_the_day_that_is_over_is_requested(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    request = _tick(platform, instance, datetime(2026, 1, 8, 0, 10, tzinfo=UTC))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-01-07"


def test_in_a_replay_the_venues_clock_says_which_day(
    instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    replaying = fake_platform(replay={"folder": tmp_path_factory.mktemp("candles")})
    request = _tick(replaying, instance, datetime(2026, 1, 8, 0, 10, tzinfo=UTC))
    assert request.partition_key == "2025-02-28"


def test_nothing_is_requested_before_the_history_begins(instance: dg.DagsterInstance) -> None:
    late = fake_platform(history={"start": "2026-01-08"})
    assert isinstance(_tick(late, instance, datetime(2026, 1, 8, 0, 10, tzinfo=UTC)), dg.SkipReason)


def test_days_that_an_import_has_brought_show_as_materialized_once(instance: dg.DagsterInstance) -> None:
    days = json.loads(json.dumps({"1m": {DAY: {SYMBOL: 1440}, "2025-03-02": {SYMBOL: 1430}}, "5m": {}}))

    assert report_partitions(instance, days) == 2
    assert report_partitions(instance, days) == 0

    assert instance.get_materialized_partitions(KEY) == {DAY, "2025-03-02"}
    [newest] = instance.fetch_materializations(KEY, limit=1).records
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.metadata["dagster/partition_row_count"].value == 1430
