"""Dagster's storage in PostgreSQL with connections that are kept (named by ``dagster.yaml``).

dagster-postgres opens a connection for every query, in every process but its web server. Each costs a new server process
and a password check on both sides: two thirds of what the platform's database did (docs/operations.md has the figures),
and milliseconds for each of the some forty events of a run.
"""

from __future__ import annotations

import os
from typing import Any

from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

_POOL_SIZE = 4
_MAX_OVERFLOW = 28
_RECYCLE_SECONDS = 1800

_engines: dict[str, Any] = {}


class PooledPostgresStorage(DagsterPostgresStorage):
    """dagster-postgres's storage; all instances of one process share its connections."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: PostgresStorageConfig
    ) -> PooledPostgresStorage:
        """Build it as Dagster does for the classes that ``dagster.yaml`` names."""
        url = pg_url_from_config(config_value)
        # each instance would look for its tables again, with connections of its own
        storage = cls(url, should_autocreate_tables=url not in _engines, inst_data=inst_data)
        engine = _engine(url)
        for part in (storage._run_storage, storage._event_log_storage, storage._schedule_storage):
            part._engine = engine
        return storage


def _engine(url: str) -> Any:
    if url not in _engines:
        _engines[url] = create_pg_engine(
            url,
            None,
            isolation_level="AUTOCOMMIT",
            pool_size=_POOL_SIZE,
            max_overflow=_MAX_OVERFLOW,
            pool_recycle=_RECYCLE_SECONDS,
            pool_pre_ping=True,  # the server may have been restarted
        )
    return _engines[url]


def _leave_to_parent() -> None:
    """A forked child must not speak on its parent's connections: it opens its own."""
    for engine in _engines.values():
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_to_parent)
