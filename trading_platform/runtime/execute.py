"""`trading-platform run NAME`: become one process of the table."""

from __future__ import annotations

import os
from typing import NoReturn

from trading_platform.domain.errors import FixSettings
from trading_platform.runtime.addresses import resolve_addresses
from trading_platform.runtime.dagster_home import write_dagster_home
from trading_platform.runtime.environment import PROCESS, SUPERVISED, child_environment
from trading_platform.runtime.processes import PROCESSES, Process, Site
from trading_platform.runtime.start_counter import count_start
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.sweep import sweep
from trading_platform.settings import Settings


def become(name: str, settings: Settings) -> NoReturn:
    """Replace this process by the named one.

    Raises
    ------
    FixSettings
        No such process, or something it needs is missing.
    """
    process = PROCESSES.get(name)
    if process is None:
        raise FixSettings(f"there is no process {name!r}; the platform has: {', '.join(PROCESSES)}")
    state = StateFolder.at(settings.state_dir)
    state.prepare()
    write_dagster_home(settings, state)
    site = Site(settings, state, resolve_addresses(settings, state))
    environment = _environment(process, site)
    # what a killed predecessor had started would work beside its successor
    sweep(state, name)
    count_start(state, name)
    command = process.command(site)
    if process.prepare is not None:
        process.prepare(site)
    os.execve(command[0], command, environment)


def _environment(process: Process, site: Site) -> dict[str, str]:
    return {
        **child_environment(site.settings, site.state, site.addresses),
        **process.environment,
        SUPERVISED: str(site.state.root),
        PROCESS: process.name,
    }
