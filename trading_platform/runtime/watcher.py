"""The watcher: a process outside Dagster that notices silence, Dagster's own included, and tells the owner."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import structlog

from trading_platform.adapters.dagster_graphql.orchestrator import DagsterGraphQLOrchestrator
from trading_platform.bootstrap import Platform, platform
from trading_platform.domain.errors import RetryLater
from trading_platform.services.deliver_notifications import deliver_notifications
from trading_platform.services.watch_freshness import watch_freshness
from trading_platform.services.watch_orchestrator import watch_orchestrator

STARTING_SECONDS = 60.0

log = structlog.get_logger()


def watch_once(current: Platform, orchestrator: DagsterGraphQLOrchestrator, *, starting: bool) -> None:
    """One round. What can't be reached now is looked at in the next round; the others still are.

    Parameters
    ----------
    starting
        The platform has only just started: that Dagster doesn't answer and data is old is no incident yet.
    """
    settings = current.settings
    steps: list[Callable[[], object]] = [
        lambda: watch_freshness(
            current.store,
            current.journal,
            current.clock,
            settings.market.symbols,
            current.intervals,
            settings.freshness.max_candle_lateness_seconds,
            starting=starting,
        ),
        lambda: deliver_notifications(current.journal, current.notifier, current.clock),
    ]
    if not starting:
        limit = settings.freshness.max_sensor_tick_age_seconds
        steps.insert(1, lambda: watch_orchestrator(orchestrator, current.journal, current.clock, limit))
    for step in steps:
        try:
            step()
        except RetryLater as trouble:
            log.warning("watcher_step_failed", why=str(trouble))


def main() -> int:
    """Watch until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    started = time.monotonic()
    while not stop.is_set():
        current = platform()
        ui = current.settings.servers.ui or f"http://127.0.0.1:{current.settings.orchestration.ui_port}"
        starting = time.monotonic() - started < STARTING_SECONDS
        watch_once(current, DagsterGraphQLOrchestrator(ui), starting=starting)
        stop.wait(current.settings.cadence.watcher_seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
