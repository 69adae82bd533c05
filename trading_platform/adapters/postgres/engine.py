"""Connections to PostgreSQL, and what its troubles mean to the platform."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from trading_platform.domain.errors import FixSettings, RetryLater

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_SECONDS = 15
LOCK_TIMEOUT_SECONDS = 5
IDLE_IN_TRANSACTION_SECONDS = 60
IDLE_SECONDS_BEFORE_ASKING = 5.0
_SCHEMA_IS_MISSING = {"42P01", "42703", "42883", "3F000"}  # undefined table, column, function, schema

# Connections for single queries are apart: switching one between the two ways costs more than the query.
_READERS: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()


def make_engine(
    url: str, *, pool_size: int = 4, waits_for_disk: bool = True, patience_seconds: int = STATEMENT_TIMEOUT_SECONDS
) -> Engine:
    """A small pool of connections; the first one is opened when it is first used.

    Make it in the process that uses it: connections don't survive a fork.

    Parameters
    ----------
    waits_for_disk
        Whether a commit is on disk when it returns. Without it a crash of the server may lose the commits of its last
        second, whole and newest first: fit for what can be fetched or computed again, never for money.
    patience_seconds
        The longest that a statement, a lock or a connection may take.

    Raises
    ------
    FixSettings
        If it isn't a PostgreSQL URL.
    """
    session = {
        "statement_timeout": f"{patience_seconds}s",
        "lock_timeout": f"{min(LOCK_TIMEOUT_SECONDS, patience_seconds)}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
        "timezone": "UTC",
        "synchronous_commit": "on" if waits_for_disk else "off",
    }
    create = partial(
        create_engine,
        _driver_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=min(LOCK_TIMEOUT_SECONDS, patience_seconds),
        hide_parameters=True,  # balances and messages stay out of exceptions and logs
        connect_args={
            "connect_timeout": min(CONNECT_TIMEOUT_SECONDS, patience_seconds),
            "application_name": "trading_platform",
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        },
    )
    engine, reader = create(), create(isolation_level="AUTOCOMMIT")
    for pool in (engine, reader):
        event.listen(pool, "checkin", _note_return)
        event.listen(pool, "checkout", _ask_after_idling)
    event.listen(engine, "engine_disposed", lambda _: reader.dispose())
    _READERS[engine] = reader
    return engine


def _note_return(connection: Any, record: Any) -> None:
    del connection
    record.info["returned_at"] = time.monotonic()


def _ask_after_idling(connection: Any, record: Any, proxy: Any) -> None:
    """Test a connection that has idled for long: the server may have gone and come back meanwhile.

    SQLAlchemy's own pre-ping asks each time, which made up a fifth of a trading cycle.
    """
    del proxy
    if time.monotonic() - record.info.get("returned_at", time.monotonic()) < IDLE_SECONDS_BEFORE_ASKING:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg2.Error as gone:
        raise DisconnectionError(str(gone)) from None  # the pool then tries another connection


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back by any exception.

    Raises
    ------
    RetryLater
        If the server can't be reached, or gave up (timeout, deadlock, shutdown).
    FixSettings
        If the database has no schema, or an old one.
    """
    with _translated_errors(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for single queries, without the two round trips of a transaction; raises as `transaction` does."""
    with _translated_errors(engine), _READERS[engine].connect() as connection:
        yield connection


@contextmanager
def _translated_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout, psycopg2.OperationalError) as trouble:  # the last: COPY goes past SQLAlchemy
        raise RetryLater(f"{_place(engine)} doesn't answer: {_first_line(trouble)}") from None
    except ProgrammingError as mistake:
        if getattr(mistake.orig, "pgcode", None) not in _SCHEMA_IS_MISSING:
            raise
        raise FixSettings(
            f"{_place(engine)} lacks the platform's schema ({_first_line(mistake)}); run: trading-platform migrate"
        ) from None
    except DBAPIError as trouble:
        if not trouble.connection_invalidated:
            raise
        raise RetryLater(f"{_place(engine)} has dropped the connection: {_first_line(trouble)}") from None


def _driver_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise FixSettings("servers.database is not a PostgreSQL URL; write postgresql://user:password@host:port/name")
    return parsed.set(drivername="postgresql+psycopg2")


def _place(engine: Engine) -> str:
    url = engine.url
    return f"PostgreSQL ({url.host or 'local socket'}:{url.port or 5432}/{url.database})"


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0]
