"""supervisord: its configuration, its start, and the questions we ask it."""

from __future__ import annotations

import http.client
import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trading_platform.domain.errors import RetryLater
from trading_platform.runtime.endpoints import LOOPBACK, Endpoints, read_endpoints
from trading_platform.runtime.environment import SUPERVISED
from trading_platform.runtime.processes import PROCESSES, Process
from trading_platform.runtime.state_folder import StateFolder

_USER = "trading"
_START_SECONDS = 15
_ANSWER_SECONDS = 5
_LOG_BYTES = 5_000_000
_LOG_BACKUPS = 2
_RETRIES = 30
"""Supervisor waits one second longer before each retry: with 30 it gives up after 8 minutes."""


NOT_STARTED = "Not started"
"""Supervisor's detail of a process that nobody has started yet."""


@dataclass(frozen=True)
class ProcessState:
    """What supervisor knows of a process.

    Parameters
    ----------
    state
        Supervisor's own word: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL …
    detail
        Why it isn't running; empty when it is.
    """

    name: str
    state: str
    pid: int | None
    started_at: datetime | None
    detail: str


class Supervisor:
    """A running supervisord, asked over loopback.

    Every method raises RetryLater when it doesn't answer.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        url = f"http://{_USER}:{endpoints.supervisor_password}@{LOOPBACK}:{endpoints.supervisor_port}/RPC2"
        self._server = xmlrpc.client.ServerProxy(url, transport=_TimedTransport())

    def pid(self) -> int:
        """Id of supervisord."""
        return int(self._call("getPID"))

    def start(self, name: str) -> None:
        """Start a process without waiting for it; one that runs already stays as it is."""
        self._call("startProcess", name, False, unless=("ALREADY_STARTED",))

    def stop(self, name: str) -> None:
        """Ask a process to end without waiting for it; one that has ended already stays so."""
        self._call("stopProcess", name, False, unless=("NOT_RUNNING",))

    def shutdown(self) -> None:
        """End supervisord with all that it still runs."""
        self._call("shutdown")

    def processes(self) -> list[ProcessState]:
        """All processes, in the order of the table."""
        by_name = {info["name"]: _process_state(info) for info in self._call("getAllProcessInfo")}
        return [by_name[name] for name in PROCESSES if name in by_name]

    def _call(self, method: str, *arguments: Any, unless: tuple[str, ...] = ()) -> Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultString.startswith(unless):
                return None
            raise RetryLater(f"supervisor refuses {method}{arguments}: {fault.faultString}") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise RetryLater(f"supervisor doesn't answer: {error}") from None


class _TimedTransport(xmlrpc.client.Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = _ANSWER_SECONDS
        return connection


def running_supervisor(state: StateFolder) -> Supervisor | None:
    """The supervisor of this state folder's instance, or None when nothing runs."""
    endpoints = read_endpoints(state)
    if endpoints is None:
        return None
    supervisor = Supervisor(endpoints)
    try:
        supervisor.pid()
    except RetryLater:
        return None
    return supervisor


def start_supervisor(
    state: StateFolder, endpoints: Endpoints, processes: list[Process], overrides: Mapping[str, str]
) -> Supervisor:
    """Start supervisord in a session of its own, where the terminal's Ctrl-C doesn't reach it; it starts nothing yet.

    Parameters
    ----------
    overrides
        Environment that every process gets on top of this one's.

    Raises
    ------
    RetryLater
        It doesn't come up; its log says why.
    """
    config, log = state.run / "supervisord.conf", state.logs / "supervisord.log"
    config.touch(mode=0o600)
    config.write_text(render_config(state, endpoints, processes))
    environment = {**os.environ, **overrides, SUPERVISED: str(state.root)}
    with (state.run / "supervisord.out").open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "-c", str(config)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        supervisor = running_supervisor(state)
        if supervisor is not None:
            return supervisor
        time.sleep(0.05)
    server.kill()
    raise RetryLater(f"supervisord doesn't start; see {log} and {state.run / 'supervisord.out'}")


def render_config(state: StateFolder, endpoints: Endpoints, processes: list[Process]) -> str:
    """supervisord's configuration file."""
    sections = [
        _section(
            "supervisord",
            logfile=state.logs / "supervisord.log",
            logfile_maxbytes=_LOG_BYTES,
            logfile_backups=_LOG_BACKUPS,
            loglevel="info",
            pidfile=state.run / "supervisord.pid",
            childlogdir=state.logs,
            umask="022",
            **({"user": "root"} if os.geteuid() == 0 else {}),
        ),
        _section(
            "inet_http_server",
            port=f"{LOOPBACK}:{endpoints.supervisor_port}",
            username=_USER,
            password=endpoints.supervisor_password,
        ),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    sections += [_program(state, process, position) for position, process in enumerate(processes)]
    return "\n".join(sections)


def _program(state: StateFolder, process: Process, position: int) -> str:
    return _section(
        f"program:{process.name}",
        command=shlex.join([sys.executable, "-m", "trading_platform.cli", "run", process.name]),
        priority=position,
        autostart="false",
        autorestart="true",
        startsecs=3,
        startretries=_RETRIES,
        stopsignal=process.stop_signal,
        stopwaitsecs=process.stop_seconds,
        stopasgroup=str(process.stop_group).lower(),
        killasgroup="true",
        redirect_stderr="true",
        # supervisor expands the name of a log twice
        stdout_logfile=str(state.logs / f"{process.name}.log").replace("%", "%%"),
        stdout_logfile_maxbytes=_LOG_BYTES,
        stdout_logfile_backups=_LOG_BACKUPS,
    )


def _section(header: str, /, **values: str | int | Path) -> str:
    # supervisor expands %(…)s in every value
    lines = [f"{name}={str(value).replace('%', '%%')}" for name, value in values.items()]
    return "\n".join([f"[{header}]", *lines, ""])


def _process_state(info: Mapping[str, Any]) -> ProcessState:
    alive = info["statename"] in ("RUNNING", "STARTING", "STOPPING")
    return ProcessState(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"] or None,
        started_at=datetime.fromtimestamp(info["start"], UTC) if alive and info["start"] else None,
        detail="" if alive else info["spawnerr"] or info["description"],
    )
