"""One running platform on one state folder: started in order, stopped in order, found again after a crash."""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from trading_platform.domain.errors import RetryLater
from trading_platform.runtime import postgres, preflight
from trading_platform.runtime.account_commands import require_armed
from trading_platform.runtime.addresses import Addresses, embeds_postgres, resolve_addresses
from trading_platform.runtime.dagster_home import write_dagster_home
from trading_platform.runtime.endpoints import Endpoints, choose_endpoints
from trading_platform.runtime.environment import SUPERVISED, child_environment, settings_with
from trading_platform.runtime.market_identity import claim_market, require_market
from trading_platform.runtime.processes import wanted_processes
from trading_platform.runtime.start_counter import forget_starts, restarts
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.supervision import Supervisor, running_supervisor, start_supervisor
from trading_platform.runtime.sweep import sweep
from trading_platform.settings import Settings

Progress = Callable[[str], None]

_SERVERS = ("postgres", "simulator")
"""Stopped last: the others write to them until they end."""

_CLIENTS_STOP_SECONDS = 4.5
_SERVERS_STOP_SECONDS = 2.5
_HOLDER_STOP_SECONDS = 15.0
_LISTEN_SECONDS = 90
_PATIENT_RESTARTS = 3


@contextmanager
def exclusive(state: StateFolder) -> Iterator[bool]:
    """Hold the state folder's lock while the platform is started and watched; yields False if another holds it.

    The file names its holder, so that `down` can ask it to stop.
    """
    with state.lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield True


def start(settings: Settings, progress: Progress) -> Supervisor:
    """Start the platform in its state folder, whatever a crash has left there.

    Parameters
    ----------
    progress
        Told what happens, one short line at a time.

    Raises
    ------
    FixSettings
        The owner has to mend something first; nothing was started.
    RetryLater
        A process doesn't come up; all are stopped again.
    """
    state = StateFolder.at(settings.state_dir)
    preflight.check_market(settings)
    preflight.check_alerts(settings)
    preflight.check_store(settings, progress)
    require_market(settings, state)
    leftovers = sweep(state)
    if leftovers:
        progress(f"Cleared {len(leftovers)} processes that a crash had left behind")
    preflight.check_ui_port(settings)
    claim_market(settings, state)  # nothing refuses this start any more
    endpoints = choose_endpoints(state)
    write_dagster_home(settings, state)
    forget_starts(state)
    # runs that were handed out are failed below: their messages must not reach the new workers
    shutil.rmtree(state.broker)
    (state.broker / "results").mkdir(parents=True)
    processes = wanted_processes(settings)
    supervisor = start_supervisor(state, endpoints, processes, {})
    try:
        _start_in_order(settings, state, endpoints, supervisor, progress)
    except BaseException:
        stop(state, supervisor)
        raise
    return supervisor


def _start_in_order(
    settings: Settings, state: StateFolder, endpoints: Endpoints, supervisor: Supervisor, progress: Progress
) -> None:
    names = [process.name for process in wanted_processes(settings)]
    addresses = resolve_addresses(settings, state)
    if "simulator" in names:
        supervisor.start("simulator")
    if embeds_postgres(settings):
        progress("Starting PostgreSQL")
        supervisor.start("postgres")
        postgres.wait_until_ready(endpoints)
        postgres.create_databases(endpoints)
    progress("Applying migrations")
    _run_to_end(settings, state, addresses, "trading_platform.cli", "migrate")
    require_armed(settings_with(settings, addresses))
    progress("Failing runs that were interrupted")
    _run_to_end(settings, state, addresses, "trading_platform.runtime.orphaned_runs")
    if "simulator" in names:
        progress("Waiting for the simulated exchange")
        _wait_for_listener(supervisor, state, "simulator", _host_and_port(addresses.simulator))
    progress("Loading the code location")
    supervisor.start("code-location")
    if settings.servers.code_location is None:
        _wait_for_listener(supervisor, state, "code-location", addresses.code_location)
    progress("Starting UI, daemon, workers and watcher")
    for name in names:
        supervisor.start(name)
    _wait_for_ui(supervisor, state, addresses)


def stop(state: StateFolder, supervisor: Supervisor | None, progress: Progress = lambda _: None) -> None:
    """Stop everything within ten seconds and leave no process behind."""
    if supervisor is not None:
        try:
            _stop_in_order(supervisor, progress)
        except RetryLater:
            progress("The supervisor doesn't answer: ending its processes one by one")
    sweep(state)


def _stop_in_order(supervisor: Supervisor, progress: Progress) -> None:
    names = [process.name for process in supervisor.processes()]
    progress("Stopping workers, daemon and UI")
    _stop_all(supervisor, [name for name in names if name not in _SERVERS], _CLIENTS_STOP_SECONDS)
    progress("Stopping PostgreSQL and the simulated exchange")
    _stop_all(supervisor, [name for name in names if name in _SERVERS], _SERVERS_STOP_SECONDS)
    supervisor.shutdown()
    _wait_until_gone(supervisor)


def _stop_all(supervisor: Supervisor, names: list[str], patience_seconds: float) -> None:
    for name in names:
        supervisor.stop(name)
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if not any(p.pid for p in supervisor.processes() if p.name in names):
            return
        time.sleep(0.1)


def _wait_until_gone(supervisor: Supervisor, patience_seconds: float = 1.0) -> None:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        try:
            supervisor.pid()
        except RetryLater:
            return
        time.sleep(0.05)


def _run_to_end(settings: Settings, state: StateFolder, addresses: Addresses, module: str, *arguments: str) -> None:
    """Run a step of the start in a process of its own: what it imports isn't carried by the one that watches."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**child_environment(settings, state, addresses), SUPERVISED: str(state.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    with (state.logs / "start.log").open("a") as log:
        log.write(done.stdout + done.stderr)
    if done.returncode != 0:
        last_line = (done.stderr.strip() or "no message").splitlines()[-1]
        raise RetryLater(f"{module.rpartition('.')[2]} failed: {last_line} (more in {state.logs / 'start.log'})")


def _wait_for_listener(supervisor: Supervisor, state: StateFolder, name: str, address: tuple[str, int]) -> None:
    def listening() -> bool:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            return False
        return True

    _wait_for(supervisor, state, name, listening)


def _wait_for_ui(supervisor: Supervisor, state: StateFolder, addresses: Addresses) -> None:
    def answering() -> bool:
        connection = http.client.HTTPConnection(*_host_and_port(addresses.ui), timeout=5)
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    _wait_for(supervisor, state, "webserver", answering)


def _wait_for(supervisor: Supervisor, state: StateFolder, name: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LISTEN_SECONDS
    while not ready():
        [process] = [p for p in supervisor.processes() if p.name == name]
        if restarts(state, name) >= _PATIENT_RESTARTS or time.monotonic() > deadline:
            log = state.logs / f"{name}.log"
            raise RetryLater(f"{name} doesn't come up ({_last_line(log) or process.state}); see {log}")
        time.sleep(0.2)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80


def stop_running(state: StateFolder, progress: Progress = lambda _: None) -> bool:
    """Stop whatever runs on the state folder; returns whether anything did."""
    if not state.root.is_dir():
        return False
    state.prepare()
    watched = _ask_holder_to_stop(state, progress)
    supervisor = running_supervisor(state)
    if supervisor is None:
        return bool(sweep(state)) or watched
    stop(state, supervisor, progress)
    return True


def _ask_holder_to_stop(state: StateFolder, progress: Progress) -> bool:
    """Let the `up` that watches the instance stop it: it would start anew what another one stops."""
    deadline = time.monotonic() + _HOLDER_STOP_SECONDS
    asked = False
    while time.monotonic() < deadline:
        with exclusive(state) as nobody_holds_it:
            if nobody_holds_it:
                return asked
        if not asked:
            progress("Asking the `up` that watches it to stop")
            os.kill(int(state.lock_file.read_text()), signal.SIGTERM)
            asked = True
        time.sleep(0.1)
    return asked
