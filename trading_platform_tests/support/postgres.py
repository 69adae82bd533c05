"""One embedded PostgreSQL for the whole test session, and a migrated, empty database for whoever asks."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, text

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.migrate import upgrade
from trading_platform.runtime import postgres
from trading_platform.runtime.addresses import POSTGRES_USER
from trading_platform.runtime.endpoints import LOOPBACK, Endpoints, choose_endpoints
from trading_platform.runtime.state_folder import StateFolder

SHARED = "tests"
_EMPTY_EVERY_TABLE = """
DO $$
DECLARE
    candidate text;
    has_rows  boolean;
BEGIN
    FOR candidate IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', candidate) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('TRUNCATE %I RESTART IDENTITY CASCADE', candidate);
        END IF;
    END LOOP;
END $$
"""
# nothing in a test outlives its server, so nothing needs to reach the disk
_FOR_SPEED = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
# hundreds of tests make platforms of their own, whose connections end with the garbage
_FOR_MANY = ["-c", "max_connections=600"]


@dataclass
class PostgresServer:
    """A running server."""

    endpoints: Endpoints
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str) -> str:
        """URL of a database."""
        password = quote(self.endpoints.postgres_password, safe="")
        return f"postgresql://{POSTGRES_USER}:{password}@{LOOPBACK}:{self.endpoints.postgres_port}/{database}"

    @contextmanager
    def admin(self) -> Iterator[Engine]:
        """Outside of any transaction, for CREATE DATABASE and the like."""
        engine = make_engine(self.url("postgres"), pool_size=1)
        try:
            yield engine.execution_options(isolation_level="AUTOCOMMIT")
        finally:
            engine.dispose()

    def emptied_database(self) -> str:
        """URL of the one migrated database that tests use in turn, without any rows (quicker than a fresh one)."""
        engine = make_engine(self.url(SHARED), pool_size=1)
        with engine.begin() as connection:
            connection.execute(text(_EMPTY_EVERY_TABLE))
        engine.dispose()
        return self.url(SHARED)

    @contextmanager
    def database(self) -> Iterator[str]:
        """URL of a fresh database without a schema; dropped when the block ends."""
        name = f"test_{next(self._numbers)}"
        with self.admin() as admin:
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            yield self.url(name)
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def running_postgres(*, is_durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server on a free port of loopback; it is gone, with its data, when the block ends.

    Parameters
    ----------
    is_durable
        Write as the platform's own server does, for benchmarks.
    """
    # not pytest's own folder: another session may close that to the user that PostgreSQL runs as
    root = Path(tempfile.mkdtemp(prefix="trading-platform-postgres-"))
    state = StateFolder.at(root)
    state.prepare()
    endpoints = choose_endpoints(state)
    try:
        postgres.prepare_server(state, endpoints)
        account = postgres.server_account(state)
        with (root / "log").open("w") as log:
            process = subprocess.Popen(
                [*postgres.server_command(state, endpoints), *_FOR_MANY, *([] if is_durable else _FOR_SPEED)],
                stdout=log,
                stderr=log,
                preexec_fn=account.become if account else None,
            )
        try:
            postgres.wait_until_ready(endpoints)
            server = PostgresServer(endpoints)
            with server.admin() as admin, admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {SHARED}"))
            upgrade(server.url(SHARED))
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once, whoever is still connected: the data is thrown away
            process.wait(30)
    finally:
        shutil.rmtree(root, ignore_errors=True)
