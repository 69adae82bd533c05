"""Dagster's health through its web server's GraphQL: no import of Dagster, so it works while Dagster doesn't."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.orchestrator import OrchestratorHealth, SensorState

_QUERY = """
{
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  repositoriesOrError {
    ... on RepositoryConnection {
      nodes { sensors { name sensorState { status ticks(limit: 1) { timestamp status } } } }
    }
  }
}
"""


class DagsterGraphQLOrchestrator:
    """Asks the web server at `base_url`."""

    def __init__(self, base_url: str, timeout_seconds: float = 5.0) -> None:
        self._url = base_url.rstrip("/") + "/graphql"
        self._timeout_seconds = timeout_seconds

    def health(self) -> OrchestratorHealth:
        """Daemons and sensors; RetryLater if the web server doesn't answer."""
        request = urllib.request.Request(
            self._url, data=json.dumps({"query": _QUERY}).encode(), headers={"Content-Type": "application/json"}
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
        )


def _sensor(sensor: dict[str, Any]) -> SensorState:
    state = sensor["sensorState"]
    tick = next(iter(state["ticks"]), None)
    return SensorState(
        sensor["name"],
        state["status"] == "RUNNING",
        datetime.fromtimestamp(tick["timestamp"], UTC) if tick else None,
        tick is not None and tick["status"] == "FAILURE",
    )
