"""Finding and ending processes that a killed instance left behind, by the marker in their environment."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil

from trading_platform.runtime.environment import PROCESS, SUPERVISED
from trading_platform.runtime.state_folder import StateFolder


def marked_processes(state: StateFolder, name: str | None = None) -> Iterator[psutil.Process]:
    """Processes of this state folder's instance, without this one and its ancestors.

    Parameters
    ----------
    name
        Only those of this row of the process table.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or another user's: not ours
        if environment.get(SUPERVISED) == str(state.root) and name in (None, environment.get(PROCESS)):
            yield process


def sweep(state: StateFolder, name: str | None = None, patience_seconds: float = 5.0) -> list[int]:
    """Kill them and wait until they are gone.

    Returns
    -------
    list of int
        Ids of the processes that were killed.
    """
    leftovers = list(marked_processes(state, name))
    for process in leftovers:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(leftovers, timeout=patience_seconds)
    return [process.pid for process in leftovers]
