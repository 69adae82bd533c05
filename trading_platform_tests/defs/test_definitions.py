"""The code location as Dagster's other processes see it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import deserialize_value, serialize_value

from trading_platform.definitions import definitions
from trading_platform.defs.history.assets import AGREES
from trading_platform.defs.lanes import ACCOUNT_TAG, QUEUE_TAG
from trading_platform.defs.market_data.checks import CHECKS
from trading_platform.defs.trading.account import MAY_BUY
from trading_platform.domain.check import CheckName
from trading_platform.runtime.celery_settings import QUEUES

JOBS = {"refresh", "trade", "step", "draw_charts", "retention", "history"}
SENSORS = {"refresh_sensor", "trade_sensor", "step_sensor", "chart_sensor", "freshness_watchdog", "stream_sensor"}
ASSETS = {
    "tickers",
    "candles",
    "indicators",
    "signals",
    "equity",
    "platform_chart",
    "price_chart",
    "equity_chart",
    "candle_history_1m",
    "market_stream",
}
_DAGSTER_YAML = Path(__file__).parents[2] / "dagster.yaml"


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return definitions.get_repository_def()


def _jobs(repository: dg.RepositoryDefinition) -> dict[str, dg.JobDefinition]:
    return {job.name: job for job in repository.get_all_jobs() if not job.name.startswith("__")}


def test_what_the_owner_sees(repository: dg.RepositoryDefinition) -> None:
    assert set(_jobs(repository)) == JOBS
    assert {sensor.name for sensor in repository.sensor_defs} == SENSORS
    assert {schedule.name for schedule in repository.schedule_defs} == {"daily_retention", "daily_history"}
    assert {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()} == ASSETS


def test_the_snapshot_travels_between_processes(repository: dg.RepositoryDefinition) -> None:
    snapshot = RepositorySnap.from_def(repository)

    travelled = deserialize_value(serialize_value(snapshot), RepositorySnap)

    assert serialize_value(travelled) == serialize_value(snapshot)
    assert {check.name for check in travelled.asset_check_nodes or ()} == {check.name for check in CHECKS} | {
        AGREES,
        MAY_BUY,
    }


def test_every_rule_stands_in_one_check() -> None:
    assert sorted(rule for check in CHECKS for rule in check.rules) == sorted(CheckName)


def test_names_are_plain_strings(repository: dg.RepositoryDefinition) -> None:
    keys = repository.asset_graph.asset_check_keys

    assert {key.asset_key.to_user_string() for key in keys} == {"candles", "candle_history_1m", "equity"}
    assert {type(key.name) for key in keys} == {str}


def test_everything_that_is_to_run_by_itself_does(repository: dg.RepositoryDefinition) -> None:
    assert {sensor.default_status for sensor in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}
    assert {schedule.default_status for schedule in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}


def test_every_job_has_a_queue_that_a_worker_serves(repository: dg.RepositoryDefinition) -> None:
    assert {job.tags[QUEUE_TAG] for job in _jobs(repository).values()} == set(QUEUES)


def test_what_touches_money_shares_one_lane(repository: dg.RepositoryDefinition) -> None:
    jobs = _jobs(repository)
    lanes = {name: job.tags.get(ACCOUNT_TAG) for name, job in jobs.items()}
    limits = yaml.safe_load(_DAGSTER_YAML.read_text())["concurrency"]["runs"]["tag_concurrency_limits"]

    assert lanes == {name: "main" if name in ("trade", "step") else None for name in JOBS}
    assert {jobs[name].tags[QUEUE_TAG] for name in ("trade", "step")} == {"trading"}
    assert [(limit["key"], limit["limit"]) for limit in limits] == [(ACCOUNT_TAG, 1)]


def test_a_backfill_cannot_crowd_out_the_refresh(repository: dg.RepositoryDefinition) -> None:
    """Runs that are started by hand in the UI carry no tags of a job, so the pool is the asset's own."""
    pools = yaml.safe_load(_DAGSTER_YAML.read_text())["concurrency"]["pools"]
    assert pools["default_limit"] == 1
    graph = repository.asset_graph
    by_pool = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).pools}
    assert by_pool == {"candle_history_1m"}
    assert int(_jobs(repository)["history"].tags["dagster/priority"]) < 0


def test_runs_stay_in_their_warm_process(repository: dg.RepositoryDefinition) -> None:
    assert {job.executor_def.name for job in repository.get_all_jobs()} == {"in_process"}


def test_the_asset_graph_reads_from_prices_to_signals(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }

    assert parents == {
        "tickers": set(),
        "candles": set(),
        "market_stream": set(),
        "indicators": {"candles"},
        "signals": {"indicators"},
        "equity": {"tickers", "signals"},
        "platform_chart": set(),
        "price_chart": {"signals"},
        "equity_chart": {"equity"},
        "candle_history_1m": set(),
    }


def test_everything_says_what_it_is(repository: dg.RepositoryDefinition) -> None:
    jobs = _jobs(repository)
    assert [name for name, job in jobs.items() if not job.description] == []
    assert [sensor.name for sensor in repository.sensor_defs if not sensor.description] == []
    graph = repository.asset_graph
    assert [key for key in graph.get_all_asset_keys() if not graph.get(key).description] == []
