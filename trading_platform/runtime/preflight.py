"""What must hold before anything is started; each failure is one line that says how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import psutil

from trading_platform.adapters.ccxt_exchange.exact_exchange import require_known
from trading_platform.adapters.notifications.apprise_notifier import AppriseNotifier
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.runtime.endpoints import port_is_free
from trading_platform.settings import Settings
from trading_platform.simulator.config import ArchiveMarketConfig

OLDEST_PYTHON = (3, 11)


def check_python() -> None:
    """Refuse an interpreter that is too old."""
    if sys.version_info < OLDEST_PYTHON:
        have, need = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST_PYTHON))
        raise FixSettings(f"Python {need} or newer is needed, this is {have}: make setup PYTHON=python{need}")


def check_ui_port(settings: Settings) -> None:
    """Refuse a port that somebody else listens on, and name them where the system lets us."""
    host, port = settings.orchestration.listen_host, settings.orchestration.ui_port
    if not port_is_free(host, port):
        raise FixSettings(
            f"port {port} is in use{_by_whom(port)}; stop that, or choose another port: "
            f"trading-platform up --port {port + 1}"
        )


def check_market(settings: Settings) -> None:
    """Refuse a market that isn't there, before the state folder is bound to it for good."""
    if not settings.simulated:
        require_known(settings.venue.name)
    folder = settings.replay.folder
    if folder is None or settings.servers.simulator is not None:
        return  # another server reads its own folders
    if not folder.expanduser().is_dir():
        raise FixSettings(
            f"replay.folder: there is no folder {folder}; name one that holds SYMBOL-INTERVAL.csv.gz files"
        )
    if not ArchiveMarketConfig(folder.expanduser()).files():
        raise FixSettings(f"replay.folder: {folder} holds no candles; put SYMBOL-INTERVAL.csv.gz files there")


def check_alerts(settings: Settings) -> None:
    """Refuse a channel that Apprise doesn't understand: found out by a silent alarm, it would be too late."""
    AppriseNotifier(settings.alerts.urls)


def check_store(settings: Settings, progress: Callable[[str], None] = lambda _: None) -> None:
    """Refuse an InfluxDB that isn't set up, or whose token can't do what is needed; make what it lacks.

    One that can't be reached now stops nothing: it may come back, and is made ready by the first write that misses
    something.
    """
    if settings.store.kind != "influxdb":
        return
    from trading_platform.adapters.influxdb import prepare_influxdb  # the library only where it is used

    progress("Preparing InfluxDB")
    try:
        prepare_influxdb(settings)
    except RetryLater as trouble:
        progress(f"{trouble}; going on without")


def _by_whom(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS shows other processes' sockets to root only
        return ""
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port
        if listens and connection.pid:
            return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
