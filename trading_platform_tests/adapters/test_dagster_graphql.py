"""Dagster's health out of the answer of its web server; the query itself is asked of a real one end to end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from trading_platform.adapters.dagster_graphql.orchestrator import DagsterGraphQLOrchestrator
from trading_platform.domain.errors import RetryLater
from trading_platform.ports.orchestrator import JobState, SensorState
from trading_platform_tests.support.scripted_server import Answer, ScriptedServer, json_answer, scripted_server

GRAPHQL = ("POST", "/graphql")
AT = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as made:
        yield made


@pytest.fixture
def dagster(server: ScriptedServer) -> DagsterGraphQLOrchestrator:
    return DagsterGraphQLOrchestrator(server.base_url)


def _runs(*ends: float | None) -> dict[str, Any]:
    return {"results": [{"endTime": end} for end in ends]}


def _said(**more: Any) -> dict[str, Any]:
    tick = {"timestamp": AT.timestamp(), "status": "FAILURE"}
    sensor = {"name": "trade_sensor", "sensorState": {"status": "RUNNING", "ticks": [tick]}}
    daemons = [
        {"daemonType": "SENSOR", "required": True, "healthy": False},
        {"daemonType": "ASSET", "required": False, "healthy": False},
        {"daemonType": "SCHEDULER", "required": True, "healthy": True},
    ]
    nothing = _runs()
    return {
        "data": {
            "instance": {"daemonHealth": {"allDaemonStatuses": daemons}},
            "repositoriesOrError": {"nodes": [{"sensors": [sensor]}]},
            **dict.fromkeys(("refresh", "refreshFailed", "trade", "tradeFailed"), nothing),
            **more,
        }
    }


def test_daemons_sensors_and_jobs_are_read(server: ScriptedServer, dagster: DagsterGraphQLOrchestrator) -> None:
    server.script[GRAPHQL] = json_answer(
        _said(
            refresh=_runs(AT.timestamp()), tradeFailed=_runs(AT.timestamp() + 60), trade={"__typename": "PythonError"}
        )
    )
    health = dagster.health()
    assert health.unhealthy_daemons == ("sensor",)
    assert health.sensors == [SensorState("trade_sensor", is_running=True, last_tick_at=AT, last_tick_failed=True)]
    assert health.jobs == [JobState("refresh", AT, None), JobState("trade", None, AT.replace(minute=1))]


@pytest.mark.parametrize("answer", [Answer("", 503), Answer("<html>", 200), json_answer({"errors": []})])
def test_anything_else_is_silence(server: ScriptedServer, dagster: DagsterGraphQLOrchestrator, answer: Answer) -> None:
    server.script[GRAPHQL] = answer
    with pytest.raises(RetryLater, match="Dagster's web server doesn't answer"):
        dagster.health()
