"""Role: telling, from outside, whether Dagster is at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class SensorState:
    """A sensor as the owner left it, and when it last ticked (wall clock)."""

    name: str
    is_running: bool
    last_tick_at: datetime | None
    last_tick_failed: bool


@dataclass(frozen=True)
class JobState:
    """A job that must keep succeeding, and when its newest runs ended (wall clock), None without any."""

    name: str
    last_success_at: datetime | None
    last_failure_at: datetime | None


@dataclass(frozen=True)
class OrchestratorHealth:
    """The daemons that don't report, every sensor, and the jobs that the platform lives by."""

    unhealthy_daemons: tuple[str, ...]
    sensors: Sequence[SensorState]
    jobs: Sequence[JobState] = ()


class Orchestrator(Protocol):
    """Dagster, seen from outside."""

    def health(self) -> OrchestratorHealth:
        """How it is.

        Raises
        ------
        RetryLater
            If it doesn't answer.
        """
        ...
