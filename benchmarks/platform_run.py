"""Start the whole platform for a while, and read what it did from its own records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

SCRIPT = Path(sys.executable).with_name("trading-platform")


@dataclass(frozen=True)
class RunningPlatform:
    """A platform that runs, seen through `status --json`."""

    state_dir: Path
    environment: Mapping[str, str]

    def status(self) -> dict[str, Any]:
        """What `trading-platform status --json` says."""
        done = subprocess.run(
            [SCRIPT, "status", "--json", "--state-dir", self.state_dir],
            capture_output=True,
            text=True,
            env=dict(self.environment),
            check=True,
        )
        return dict(json.loads(done.stdout))

    def rows(self, database: str, query: str, **parameters: Any) -> list[Any]:
        """Rows of a query against the ledger (`database_url`) or Dagster's storage (`dagster_database_url`)."""
        engine = sa.create_engine(self.status()[database].replace("postgresql://", "postgresql+psycopg2://"))
        with engine.connect() as connection:
            rows = list(connection.execute(sa.text(query), parameters))
        engine.dispose()
        return rows

    def processes(self) -> list[psutil.Process]:
        """Every process of the instance, with all that they started: PostgreSQL's own write over their environment."""
        mark = str(self.state_dir.resolve())
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            try:
                if process.environ().get("TRADING_PLATFORM_SUPERVISED") == mark:
                    found |= {each.pid: each for each in (process, *process.children(recursive=True))}
            except psutil.Error:
                continue
        return list(found.values())


@contextmanager
def running_platform(state_dir: Path, *flags: str, settings: Mapping[str, str]) -> Iterator[RunningPlatform]:
    """The platform started by its own command, and stopped at the end whatever happens.

    Parameters
    ----------
    settings
        Environment variables without their prefix, such as ``ORCHESTRATION__LAUNCHER``.
    """
    environment = dict(os.environ) | {f"TRADING_PLATFORM_{name}": value for name, value in settings.items()}
    command = [str(SCRIPT), "up", "--detach", "--state-dir", str(state_dir), *flags]
    subprocess.run(command, env=environment, check=True)
    try:
        yield RunningPlatform(state_dir, environment)
    finally:
        subprocess.run([SCRIPT, "down", "--state-dir", state_dir], env=environment, check=True)


class CpuMeter:
    """CPU time of one instance's processes, those that ended and were waited for by a parent in it included.

    A process's own times and those of its children that it has reaped are added up, so the short-lived processes of
    stock Dagster count with the code server that spawns them. What other programs of the machine use doesn't.
    """

    def __init__(self, running: RunningPlatform) -> None:
        self._running = running
        self._before = self._seconds()
        self._began = time.monotonic()

    def percent(self) -> float:
        """Share of all cores since the meter was made."""
        elapsed = time.monotonic() - self._began
        # a process that ended meanwhile is in its parent's figures now; one that is new began at zero
        before = sum(self._before.values())
        now = sum(self._seconds().values())
        return 100.0 * (now - before) / (elapsed * (psutil.cpu_count() or 1))

    def _seconds(self) -> dict[int, float]:
        seconds = {}
        for process in self._running.processes():
            try:
                seconds[process.pid] = sum(process.cpu_times()[:4])
            except psutil.Error:
                continue
        return seconds


def busy_percent(seconds: float) -> float:
    """Busy share of all cores over a time."""
    before, began = psutil.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, elapsed = psutil.cpu_times(), time.monotonic() - began
    idle = after.idle - before.idle + getattr(after, "iowait", 0.0) - getattr(before, "iowait", 0.0)
    return 100.0 * max(0.0, 1.0 - idle / (elapsed * (psutil.cpu_count() or 1)))
