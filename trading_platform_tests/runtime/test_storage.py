"""Dagster's storage: connections are kept, forked children have their own, and the owner's toggle has the last word."""

from __future__ import annotations

import os
from collections.abc import Iterator

import dagster as dg
import psycopg2
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData

from trading_platform.runtime import storage
from trading_platform.runtime.environment import PROCESS
from trading_platform.runtime.storage import PooledPostgresStorage
from trading_platform_tests.support.postgres import PostgresServer

LOOKS = 40


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database of Dagster's own, gone when the test ends."""
    base = postgres_server.emptied_database().rpartition("/")[0]
    _execute(f"{base}/postgres", "CREATE DATABASE dagster_storage")
    try:
        yield f"{base}/dagster_storage"
    finally:
        for engine in storage._engines.values():
            engine.dispose()
        storage._engines.clear()
        _execute(f"{base}/postgres", "DROP DATABASE dagster_storage WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _storage(url: str) -> PooledPostgresStorage:
    return PooledPostgresStorage.from_config_value(None, {"postgres_url": url})


def _backends(kept: PooledPostgresStorage) -> set[int]:
    """Server processes that have answered so many questions."""
    found = set()
    for _ in range(LOOKS):
        with kept.run_storage.connect() as connection:  # type: ignore[attr-defined]
            found.add(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar())
    return found


def test_all_storages_of_a_process_share_kept_connections(url: str) -> None:
    first, second = _storage(url), _storage(url)

    assert len(_backends(first)) == 1
    assert _backends(first) == _backends(second)


def test_a_connection_that_the_server_has_closed_is_replaced(url: str) -> None:
    kept = _storage(url)
    [before] = _backends(kept)

    _execute(url, f"SELECT pg_terminate_backend({before}, 5000)")

    [after] = _backends(kept)
    assert after != before
    assert kept.run_storage.get_runs() == []


def test_a_forked_child_opens_its_own(url: str) -> None:
    kept = _storage(url)
    [parents] = _backends(kept)
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(writing, str(_backends(kept)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        childs = said.read()
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert str(parents) not in childs
    assert _backends(kept) == {parents}


def _sensor_state(status: InstigatorStatus, cursor: str) -> InstigatorState:
    location = RegisteredCodeLocationOrigin("trading_platform")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "refresh_sensor")
    return InstigatorState(origin, InstigatorType.SENSOR, status, SensorInstigatorData(cursor=cursor))


@pytest.mark.parametrize(
    ("process", "left"), [("daemon", InstigatorStatus.STOPPED), ("webserver", InstigatorStatus.RUNNING)]
)
def test_only_the_owner_changes_a_toggle(
    url: str, monkeypatch: pytest.MonkeyPatch, process: str, left: InstigatorStatus
) -> None:
    schedules = _storage(url).schedule_storage
    schedules.add_instigator_state(_sensor_state(InstigatorStatus.RUNNING, "before"))
    read_before_the_tick = _sensor_state(InstigatorStatus.RUNNING, "after")
    schedules.update_instigator_state(_sensor_state(InstigatorStatus.STOPPED, "before"))  # the owner, meanwhile

    monkeypatch.setenv(PROCESS, process)
    schedules.update_instigator_state(read_before_the_tick)

    [state] = schedules.all_instigator_state()
    assert state.status is left
    assert isinstance(state.instigator_data, SensorInstigatorData)
    assert state.instigator_data.cursor == "after"


def test_dagster_yaml_names_it(url: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)
    config = f"storage: {{custom: {{module: {storage.__name__}, class: PooledPostgresStorage, config: "
    (folder := os.path.join(str(tmp_path), "dagster.yaml"))
    with open(folder, "w") as file:
        file.write(config + "{postgres_url: {env: DAGSTER_POSTGRES_URL}}}}\n")

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs_count() == 0
        assert instance.schedule_storage is not None
        assert storage._engines
