"""Dagster's health through its web server's GraphQL: no import of Dagster, so it works while Dagster doesn't."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.orchestrator import JobState, OrchestratorHealth, SensorState

_JOBS = ("refresh", "trade")
_QUERY = """
query Health($refresh: RunsFilter!, $refreshFailed: RunsFilter!, $trade: RunsFilter!, $tradeFailed: RunsFilter!) {
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  repositoriesOrError {
    ... on RepositoryConnection {
      nodes { sensors { name sensorState { status ticks(limit: 1) { timestamp status } } } }
    }
  }
  refresh: runsOrError(filter: $refresh, limit: 1) { ...ends }
  refreshFailed: runsOrError(filter: $refreshFailed, limit: 1) { ...ends }
  trade: runsOrError(filter: $trade, limit: 1) { ...ends }
  tradeFailed: runsOrError(filter: $tradeFailed, limit: 1) { ...ends }
}
fragment ends on RunsOrError { ... on Runs { results { endTime } } }
"""
_FILTERS = {
    f"{job}{suffix}": {"pipelineName": job, "statuses": [status]}
    for job in _JOBS
    for suffix, status in (("", "SUCCESS"), ("Failed", "FAILURE"))
}


class DagsterGraphQLOrchestrator:
    """Asks the web server at `base_url`."""

    def __init__(self, base_url: str, timeout_seconds: float = 5.0) -> None:
        self._url = base_url.rstrip("/") + "/graphql"
        self._timeout_seconds = timeout_seconds

    def health(self) -> OrchestratorHealth:
        """Daemons, sensors and jobs; RetryLater if the web server doesn't answer."""
        request = urllib.request.Request(
            self._url,
            data=json.dumps({"query": _QUERY, "variables": _FILTERS}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_seconds) as answer:
                data = json.load(answer)["data"]
        except (urllib.error.URLError, OSError, ValueError, KeyError) as trouble:
            raise RetryLater(f"Dagster's web server doesn't answer: {trouble}") from None
        daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
        repositories = data["repositoriesOrError"].get("nodes", [])
        return OrchestratorHealth(
            tuple(d["daemonType"].lower() for d in daemons if d["required"] and not d["healthy"]),
            [_sensor(sensor) for repository in repositories for sensor in repository["sensors"]],
            [JobState(job, _newest_end(data[job]), _newest_end(data[f"{job}Failed"])) for job in _JOBS],
        )


def _newest_end(runs: dict[str, Any]) -> datetime | None:
    ends = [run["endTime"] for run in runs.get("results", []) if run["endTime"]]
    return datetime.fromtimestamp(max(ends), UTC) if ends else None


def _sensor(sensor: dict[str, Any]) -> SensorState:
    state = sensor["sensorState"]
    tick = next(iter(state["ticks"]), None)
    return SensorState(
        sensor["name"],
        state["status"] == "RUNNING",
        datetime.fromtimestamp(tick["timestamp"], UTC) if tick else None,
        tick is not None and tick["status"] == "FAILURE",
    )
