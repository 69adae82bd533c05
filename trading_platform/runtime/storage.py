"""Dagster's storage in PostgreSQL with connections that are kept (named by ``dagster.yaml``).

dagster-postgres opens a connection for every query, in every process but its web server. Each costs a new server
process and a password check on both sides: that was most of what the platform's database did (docs/operations.md has
the figures), and milliseconds for each of the some forty events of a run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

from dagster._core.scheduler.instigation import InstigatorState
from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

from trading_platform.runtime.environment import PROCESS

DAEMON = "daemon"
_POOL_SIZE = 4
_MAX_OVERFLOW = 28
_RECYCLE_SECONDS = 1800

_TOGGLES_LOCK = 7_466_115  # any number that nothing else of Dagster's database locks

_engines: dict[str, Any] = {}


class OwnersToggles(PostgresScheduleStorage):
    """Sensor states in which the owner's toggle has the last word.

    After a tick Dagster's daemon writes back the whole state that it had read before: a sensor that the owner switched
    off in between would be on again. So the daemon never writes the status, only what the tick brought.
    """

    def update_instigator_state(self, state: InstigatorState) -> InstigatorState:
        """Write a state; one writer at a time, so that what the daemon reads here can't change before it writes."""
        with self.connect() as connection, connection.begin():
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TOGGLES_LOCK})")
            if os.environ.get(PROCESS) == DAEMON:
                current = self.get_instigator_state(state.instigator_origin_id, state.selector_id)
                state = state.with_status(current.status) if current else state
            return super().update_instigator_state(state)


class PooledPostgresStorage(DagsterPostgresStorage):
    """dagster-postgres's storage; all instances of one process share its connections."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledPostgresStorage:
        """Build it as Dagster does for the classes that ``dagster.yaml`` names."""
        url = pg_url_from_config(cast(PostgresStorageConfig, config_value))
        # each instance would look for its tables again, with connections of its own
        storage = cls(url, should_autocreate_tables=url not in _engines, inst_data=inst_data)
        storage._schedule_storage = OwnersToggles(url, should_autocreate_tables=False)
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
