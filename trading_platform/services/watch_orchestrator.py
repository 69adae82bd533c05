"""Watching Dagster from outside: a check inside a run can't notice that nothing runs any more (I6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.orchestrator import JobState, Orchestrator, SensorState

ORCHESTRATOR = "dagster"


def watch_orchestrator(
    orchestrator: Orchestrator,
    journal: HealthJournal,
    clock: Clock,
    max_tick_age_seconds: float,
    max_failing_seconds: float,
    *,
    watched_since: datetime,
) -> tuple[str, ...]:
    """Open an incident for each part of Dagster that is silent or fails, and close those that are over.

    Parameters
    ----------
    max_failing_seconds
        How long the runs of a job may fail one after the other.
    watched_since
        What failed before that, failed when the platform was stopped.

    Returns
    -------
    tuple of str
        What is wrong now, in plain words.
    """
    wall = clock.wall()
    try:
        health = orchestrator.health()
    except RetryLater as silence:
        journal.open_incident(ORCHESTRATOR, "Dagster doesn't answer", str(silence), wall)
        return (str(silence),)
    journal.close_incident(ORCHESTRATOR, "Dagster answers again", "its web server answers", wall)
    troubles = [f"Dagster's {name} daemon doesn't report" for name in health.unhealthy_daemons]
    _set(journal, f"{ORCHESTRATOR}:daemons", "Dagster's daemons", "; ".join(troubles), wall)
    for sensor in health.sensors:
        trouble = next(_troubles(sensor, wall, max_tick_age_seconds), "")
        _set(journal, f"{ORCHESTRATOR}:sensor:{sensor.name}", f"sensor {sensor.name}", trouble, wall)
        if trouble:
            troubles.append(trouble)
    for job in health.jobs:
        trouble = _failing(job, wall, max_failing_seconds, watched_since)
        _set(journal, f"{ORCHESTRATOR}:job:{job.name}", f"{job.name} runs", trouble, wall)
        if trouble:
            troubles.append(trouble)
    return tuple(troubles)


def _failing(job: JobState, wall: datetime, limit_seconds: float, watched_since: datetime) -> str:
    """Whatever makes each run of a job fail ends here: its own checks never get as far as telling of it."""
    success, failure = job.last_success_at, job.last_failure_at
    if failure is None or failure <= max(filter(None, (success, watched_since))):
        return ""
    if (wall - max(filter(None, (success, watched_since)))).total_seconds() <= limit_seconds:
        return ""
    since = f"the last that succeeded ended at {success:%H:%M:%S} UTC" if success else "none has succeeded yet"
    return f"the runs of {job.name} fail; {since}. Their logs in the UI say why"


def _troubles(sensor: SensorState, wall: datetime, max_tick_age_seconds: float) -> Iterator[str]:
    if not sensor.is_running:
        yield f"{sensor.name} is switched off"
    elif sensor.last_tick_at is not None and (wall - sensor.last_tick_at).total_seconds() > max_tick_age_seconds:
        yield f"{sensor.name} hasn't ticked since {sensor.last_tick_at:%H:%M:%S} UTC"
    elif sensor.last_tick_failed:
        yield f"{sensor.name}'s last tick failed"


def _set(journal: HealthJournal, key: str, what: str, trouble: str, wall: datetime) -> None:
    if trouble:
        journal.open_incident(key, f"{what}: trouble", trouble, wall)
    else:
        journal.close_incident(key, f"{what}: well again", f"{what} works again", wall)
