"""What the platform is doing now, as one value: for the terminal, for `status --json`, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from trading_platform.bootstrap import Platform
from trading_platform.domain.errors import PlatformError, RetryLater
from trading_platform.runtime.addresses import Addresses, resolve_addresses
from trading_platform.runtime.endpoints import read_endpoints
from trading_platform.runtime.environment import settings_with
from trading_platform.runtime.start_counter import restarts
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.supervision import running_supervisor
from trading_platform.services.summarise_account import what_stops_buying
from trading_platform.services.summarise_platform import Summary, summarise
from trading_platform.settings import Settings


@dataclass(frozen=True)
class ProcessStatus:
    """One row of the process table."""

    name: str
    state: str
    pid: int | None
    started_at: datetime | None
    restarts: int
    detail: str


@dataclass(frozen=True)
class PlatformStatus:
    """The whole.

    Parameters
    ----------
    processes
        Empty when the platform doesn't run.
    database_url, dagster_database_url
        With their passwords: for psql.
    summary
        What the books say; None while they can't be read.
    trouble
        Why they can't be read; empty when they can.
    """

    running: bool
    state_folder: str
    ui_url: str | None
    simulator_url: str | None
    database_url: str | None = field(repr=False)
    dagster_database_url: str | None = field(repr=False)
    processes: tuple[ProcessStatus, ...]
    summary: Summary | None
    trouble: str


def status_reader(settings: Settings) -> Callable[[], PlatformStatus]:
    """A function that looks at the state folder's instance each time, and keeps its connections between the looks.

    It never fails because something doesn't run: what can't be read is told as such.
    """
    state = StateFolder.at(settings.state_dir)
    platforms: dict[Addresses, Platform] = {}

    def look() -> PlatformStatus:
        processes = _processes(state)
        if read_endpoints(state) is None:
            return PlatformStatus(False, str(state.root), None, None, None, None, (), None, "never started")
        addresses = resolve_addresses(settings, state)
        if addresses not in platforms:
            platforms.clear()
            platforms[addresses] = Platform(settings_with(settings, addresses))
        summary, trouble = _summary(platforms[addresses]) if processes else (None, "not running")
        return PlatformStatus(
            running=bool(processes),
            state_folder=str(state.root),
            ui_url=addresses.ui,
            simulator_url=addresses.simulator,
            database_url=addresses.database,
            dagster_database_url=addresses.dagster_database,
            processes=processes,
            summary=summary,
            trouble=trouble,
        )

    return look


def platform_status(settings: Settings) -> PlatformStatus:
    """One look."""
    return status_reader(settings)()


def _processes(state: StateFolder) -> tuple[ProcessStatus, ...]:
    supervisor = running_supervisor(state)
    if supervisor is None:
        return ()
    try:
        return tuple(
            ProcessStatus(p.name, p.state, p.pid, p.started_at, restarts(state, p.name), p.detail)
            for p in supervisor.processes()
        )
    except RetryLater:  # it ended between the two questions
        return ()


def _summary(platform: Platform) -> tuple[Summary | None, str]:
    settings = platform.settings
    try:
        return summarise(
            platform.ledger,
            platform.store,
            platform.journal,
            platform.clock,
            settings.account.name,
            settings.market.symbols,
            platform.intervals,
            settings.freshness.max_candle_lateness_seconds,
            platform.streams if settings.uses_streams else None,
            settings.streams.max_heartbeat_age_seconds,
            platform.circuits,
            what_stops_buying(platform.ledger, settings),
        ), ""
    except PlatformError as error:
        return None, str(error)
