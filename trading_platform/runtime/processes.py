"""The one table of the platform's processes; the supervisor, `trading-platform run` and docker/ all read it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trading_platform.runtime import postgres
from trading_platform.runtime.addresses import Addresses, embeds_postgres, embeds_simulator
from trading_platform.runtime.endpoints import required_endpoints
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import Settings

CODE_MODULE = "trading_platform.definitions"
_WORKER_MODULES = f"{CODE_MODULE},trading_platform.runtime.worker"


@dataclass(frozen=True)
class Site:
    """What a process needs to know to start."""

    settings: Settings
    state: StateFolder
    addresses: Addresses


def _always(settings: Settings) -> bool:
    del settings
    return True


@dataclass(frozen=True)
class Process:
    """A row of the table.

    Parameters
    ----------
    command
        What is executed, as an argument list.
    wanted
        Whether these settings need the process.
    prepare
        Done just before, in the same process.
    environment
        Variables besides those that all processes get.
    stop_signal, stop_seconds
        How to ask it to end, and how long to wait before killing it and all that it started.
    stop_group
        Whether its own children get the signal as well.
    """

    name: str
    command: Callable[[Site], list[str]]
    wanted: Callable[[Settings], bool] = _always
    prepare: Callable[[Site], None] | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stop_signal: str = "TERM"
    stop_seconds: int = 3
    stop_group: bool = True


def _postgres(site: Site) -> list[str]:
    return postgres.server_command(site.state, required_endpoints(site.state))


def _prepare_postgres(site: Site) -> None:
    postgres.prepare_server(site.state, required_endpoints(site.state))
    account = postgres.server_account(site.state)
    if account is not None:
        account.become()


def _simulator(_: Site) -> list[str]:
    return _python("trading_platform.runtime.simulator")


def _code_location(site: Site) -> list[str]:
    host = site.settings.orchestration.listen_host
    port = str(site.addresses.code_location[1])
    return [*_dagster("api", "grpc"), "-m", CODE_MODULE, "-h", host, "-p", port]


def _webserver(site: Site) -> list[str]:
    orchestration = site.settings.orchestration
    listen = ("-h", orchestration.listen_host, "-p", str(orchestration.ui_port))
    return [*_python("dagster_webserver"), *listen, "-w", _workspace(site)]


def _daemon(site: Site) -> list[str]:
    module = "trading_platform.runtime.daemon" if _runs_on_celery(site.settings) else "dagster._daemon"
    return [*_python(module), "run", "-w", _workspace(site)]


def _watcher(_: Site) -> list[str]:
    return _python("trading_platform.runtime.watcher")


def _stream(_: Site) -> list[str]:
    return _python("trading_platform.runtime.stream")


def _worker(queue: str) -> Process:
    def command(_: Site) -> list[str]:
        return [
            *_python("celery"),
            *("-A", "dagster_celery.app", "worker", "--pool", "prefork", "--concurrency", "1"),
            *("--queues", queue, "--hostname", f"{queue}@%h", "--include", _WORKER_MODULES),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
        ]

    return Process(
        f"worker-{queue}",
        command,
        wanted=_runs_on_celery,
        # macOS kills a forked child that touches its Objective-C runtime, unless told not to look
        environment=MappingProxyType({"OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}),
        # the parent lets a run finish; signalled as well, its child would drop it
        stop_group=False,
    )


def _uses_streams(settings: Settings) -> bool:
    return settings.uses_streams


def _runs_on_celery(settings: Settings) -> bool:
    return settings.orchestration.launcher == "celery"


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _dagster(*arguments: str) -> list[str]:
    return [*_python("dagster"), *arguments]


def _workspace(site: Site) -> str:
    return str(site.state.dagster_home / "workspace.yaml")


PROCESSES: Mapping[str, Process] = MappingProxyType(
    {
        process.name: process
        for process in (
            Process("postgres", _postgres, embeds_postgres, _prepare_postgres, stop_signal="INT", stop_group=False),
            Process("simulator", _simulator, embeds_simulator),
            # nothing of these two is worth waiting for, and taking their modules apart keeps a core busy for seconds
            Process("code-location", _code_location, stop_seconds=1),
            Process("webserver", _webserver, stop_seconds=1),
            Process("daemon", _daemon, stop_seconds=2),
            _worker("market"),
            _worker("trading"),
            Process("stream", _stream, _uses_streams),
            Process("watcher", _watcher),
        )
    }
)
"""By name, in the order of their start."""


def wanted_processes(settings: Settings) -> list[Process]:
    """The processes that these settings need, in the order of their start."""
    return [process for process in PROCESSES.values() if process.wanted(settings)]
