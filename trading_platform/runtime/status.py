"""What the platform is doing now, as one value: for the terminal, for `status --json`, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from trading_platform.domain.errors import RetryLater
from trading_platform.runtime.addresses import resolve_addresses
from trading_platform.runtime.endpoints import read_endpoints
from trading_platform.runtime.start_counter import restarts
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.supervision import running_supervisor
from trading_platform.settings import Settings


@dataclass(frozen=True)
class ProcessStatus:
    """One row of the process table, running or not."""

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
    database_url
        With its password: for psql.
    """

    running: bool
    state_folder: str
    ui_url: str | None
    simulator_url: str | None
    database_url: str | None = field(repr=False)
    dagster_database_url: str | None = field(repr=False)
    processes: tuple[ProcessStatus, ...]


def platform_status(settings: Settings) -> PlatformStatus:
    """Look at the state folder's instance; never fails because something doesn't run."""
    state = StateFolder.at(settings.state_dir)
    processes = _processes(state)
    known = read_endpoints(state) is not None
    addresses = resolve_addresses(settings, state) if known else None
    return PlatformStatus(
        running=bool(processes),
        state_folder=str(state.root),
        ui_url=addresses.ui_url if addresses else None,
        simulator_url=addresses.simulator if addresses else None,
        database_url=addresses.database if addresses else None,
        dagster_database_url=addresses.dagster_database if addresses else None,
        processes=processes,
    )


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
