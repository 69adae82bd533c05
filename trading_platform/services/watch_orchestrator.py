"""Watching Dagster from outside: a check inside a run can't notice that nothing runs any more (I6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.orchestrator import Orchestrator, SensorState

ORCHESTRATOR = "dagster"


def watch_orchestrator(
    orchestrator: Orchestrator, journal: HealthJournal, clock: Clock, max_tick_age_seconds: float
) -> tuple[str, ...]:
    """Open an incident for each part of Dagster that is silent, and close those that are over.

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
    return tuple(troubles)


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
