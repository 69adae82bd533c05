"""The whole platform, started by its own command in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from trading_platform.runtime.endpoints import free_ports
from trading_platform.runtime.environment import SUPERVISED
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.sweep import sweep
from trading_platform.settings import ENVIRONMENT_PREFIX

T = TypeVar("T")
COMMAND = (sys.executable, "-m", "trading_platform.cli")


@dataclass
class RunningPlatform:
    """One instance of the platform.

    Parameters
    ----------
    state_dir
        Its state folder; a second instance on the same folder carries on.
    flags
        Of `trading-platform up`, without state folder and port.
    environment
        Settings by their environment names without the prefix, for instance ``CADENCE__REFRESH_SECONDS``.
    """

    state_dir: Path
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    up: subprocess.Popen[str] | None = None

    def start(self, timeout_seconds: float = 120) -> None:
        """Run `up` and wait until every process runs."""
        self.up = subprocess.Popen(
            [*COMMAND, "up", "--state-dir", str(self.state_dir), "--port", str(self.port), *self.flags],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.wait_for(self._all_run, timeout_seconds, "every process runs")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `trading-platform …` on the same state folder."""
        return subprocess.run(
            [*COMMAND, *arguments, "--state-dir", str(self.state_dir)],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def status(self) -> dict[str, Any]:
        """`trading-platform status --json`."""
        seen: dict[str, Any] = json.loads(self.command("status", "--json").stdout)
        return seen

    def pid(self, name: str) -> int:
        """Process id of a row of the process table."""
        [found] = [process["pid"] for process in self.status()["processes"] if process["name"] == name]
        return int(found)

    def wait_for(self, look: Callable[[], T | None], timeout_seconds: float, what: str) -> T:
        """Look until there is something to see."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if self.up is not None and self.up.poll() is not None:
                raise AssertionError(f"`up` ended with {self.up.returncode}: {self.output()}")
            seen = look()
            if seen:
                return seen
            time.sleep(0.5)
        raise AssertionError(f"not within {timeout_seconds:.0f} s: {what}\n{self.command('status').stdout}")

    def interrupt(self) -> int:
        """Press Ctrl-C; returns the exit code."""
        assert self.up is not None
        self.up.send_signal(signal.SIGINT)
        return self.up.wait(timeout=30)

    def kill_everything(self) -> None:
        """SIGKILL to every process at once, `up` and supervisor included."""
        if self.up is not None:
            self.up.kill()
            self.up.wait()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # ended by its parent's death meanwhile
                process.kill()

    def output(self) -> str:
        """What `up` has printed; call it once `up` has ended."""
        assert self.up is not None
        assert self.up.stdout is not None
        return self.up.stdout.read()

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this state folder, however it came to be."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get(SUPERVISED) == str(StateFolder.at(self.state_dir).root)
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _all_run(self) -> bool:
        processes = self.status()["processes"]
        return bool(processes) and all(process["state"] == "RUNNING" for process in processes)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
        return inherited | {ENVIRONMENT_PREFIX + name: value for name, value in self.environment.items()}


@contextmanager
def running_platform(state_dir: Path, *flags: str, **environment: str) -> Iterator[RunningPlatform]:
    """A started platform, of which nothing is left afterwards."""
    platform = RunningPlatform(state_dir, flags, environment)
    try:
        platform.start()
        yield platform
    finally:
        platform.kill_everything()
        sweep(StateFolder.at(state_dir))
