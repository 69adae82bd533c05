"""The watcher: a process outside Dagster that notices silence, Dagster's own included, and tells the owner."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from trading_platform.adapters.dagster_graphql.orchestrator import DagsterGraphQLOrchestrator
from trading_platform.bootstrap import Platform, platform
from trading_platform.domain.errors import PlatformError
from trading_platform.services.deliver_notifications import deliver_notifications
from trading_platform.services.watch_account import watch_account
from trading_platform.services.watch_checks import watch_checks
from trading_platform.services.watch_circuits import watch_circuits
from trading_platform.services.watch_clock import watch_clock
from trading_platform.services.watch_database import DatabaseWatch
from trading_platform.services.watch_freshness import watch_freshness
from trading_platform.services.watch_orchestrator import watch_orchestrator
from trading_platform.services.watch_protection import ProtectionWatch
from trading_platform.services.watch_settings import watch_settings
from trading_platform.services.watch_store import watch_store
from trading_platform.services.watch_streams import watch_streams
from trading_platform.services.watch_symbols import watch_symbols
from trading_platform.services.watch_trading import watch_trading
from trading_platform.services.watch_valuation import ValuationWatch
from trading_platform.settings import settings_trouble, settings_waiting

STARTING_SECONDS = 60.0
DATABASE_PATIENCE_SECONDS = 30.0
PROTECTION_PATIENCE_SECONDS = 60.0
VALUATION_PATIENCE_SECONDS = 60.0
CATCH_UP_SECONDS = 5.0

log = structlog.get_logger()


class Watcher:
    """One round after the other; what can't be reached now is looked at in the next round, the others still are."""

    def __init__(self, started_at: datetime) -> None:
        self._started_at = started_at
        self._database = DatabaseWatch(DATABASE_PATIENCE_SECONDS)
        self._protection = ProtectionWatch(PROTECTION_PATIENCE_SECONDS)
        self._valuation = ValuationWatch(VALUATION_PATIENCE_SECONDS)

    def watch_once(self, current: Platform, orchestrator: DagsterGraphQLOrchestrator) -> None:
        """One round. While the platform has only just started, silence and old data are no incident yet."""
        starting = (datetime.now(UTC) - self._started_at).total_seconds() < STARTING_SECONDS
        for step in self._steps(current, orchestrator, starting):
            try:
                step()
            except PlatformError as trouble:
                log.warning("watcher_step_failed", why=str(trouble))

    def _steps(
        self, current: Platform, orchestrator: DagsterGraphQLOrchestrator, starting: bool
    ) -> list[Callable[[], object]]:
        settings = current.settings
        freshness, account = settings.freshness, settings.account.name
        steps: list[Callable[[], object]] = [
            lambda: self._database.look(current.journal, current.notifier, current.clock),
            lambda: watch_settings(current.journal, current.clock, settings_trouble(), settings_waiting()),
            lambda: watch_freshness(
                current.store,
                current.journal,
                current.clock,
                settings.market.symbols,
                current.intervals,
                freshness.max_candle_lateness_seconds,
                starting=starting,
            ),
            lambda: watch_clock(current.feed, current.journal, current.clock, settings),
            lambda: watch_checks(
                current.journal,
                current.clock,
                settings.market.symbols,
                current.intervals,
                settings.quality.incident_after_seconds,
            ),
        ]
        steps.append(lambda: watch_account(current.ledger, current.journal, current.clock, account))
        steps.append(lambda: watch_symbols(current.broker, current.journal, current.clock, settings.market.symbols))
        circuits = current.circuits
        if circuits is not None:
            patience = settings.requests.incident_after_seconds
            steps.append(lambda: watch_circuits(circuits, current.journal, current.clock, patience))
        if not starting:
            steps.append(
                lambda: watch_orchestrator(
                    orchestrator,
                    current.journal,
                    current.clock,
                    freshness.max_sensor_tick_age_seconds,
                    freshness.max_trading_silence_seconds,
                    watched_since=self._started_at,
                )
            )
        if settings.uses_streams:
            steps.append(
                lambda: watch_streams(
                    current.streams,
                    current.journal,
                    current.clock,
                    settings.market.symbols,
                    settings.streams,
                    watched_since=self._started_at,
                )
            )
        if not settings.replay.step:  # a recording that was stepped to its end has nothing left to trade
            steps.append(
                lambda: watch_trading(
                    current.ledger,
                    current.journal,
                    current.clock,
                    account,
                    freshness.max_trading_silence_seconds,
                    watched_since=self._started_at,
                )
            )
            steps.append(lambda: self._protection.look(current.ledger, current.journal, current.clock, settings))
            steps.append(
                lambda: self._valuation.look(current.ledger, current.store, current.journal, current.clock, settings)
            )
        remote = current.spooling_store
        if remote is not None:
            steps.append(
                lambda: watch_store(current.spool, current.journal, current.clock, settings.store, remote.guard.trouble)
            )
        steps.append(lambda: deliver_notifications(current.journal, current.notifier, current.clock))
        if remote is not None:  # last: a store that doesn't answer takes its time
            steps.append(lambda: remote.catch_up(CATCH_UP_SECONDS))
        return steps


def main() -> int:
    """Watch until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watcher = Watcher(datetime.now(UTC))
    while not stop.is_set():
        current = platform()
        ui = current.settings.servers.ui or f"http://127.0.0.1:{current.settings.orchestration.ui_port}"
        watcher.watch_once(current, DagsterGraphQLOrchestrator(ui))
        stop.wait(current.settings.cadence.watcher_seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
