"""Starting, stopping, crashing and starting again, by the platform's own commands."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from trading_platform.runtime.postgres import binary
from trading_platform_tests.support.platform import RunningPlatform, running_platform
from trading_platform_tests.support.simulated import ControlClient

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningPlatform]:
    """One platform for the module; its path needs quoting, and PostgreSQL's user can pass to it."""
    with (
        tempfile.TemporaryDirectory(prefix="trading-platform-") as folder,
        running_platform(Path(folder) / "state of 100 %", VENUE__MARKET_DATA_TIMEOUT_SECONDS="60") as running,
    ):
        yield running


@pytest.fixture
def platform(shared: RunningPlatform) -> RunningPlatform:
    """The shared platform, started again where the test before has stopped it."""
    if shared.up is None or shared.up.poll() is not None:
        shared.start()
    return shared


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        platform = RunningPlatform(tmp_path, port=taken.getsockname()[1])
        refused = platform.command("up", "--port", str(platform.port))

    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"port {platform.port} is in use" in refused.stderr
    assert "--port" in refused.stderr
    assert platform.processes() == []


def test_an_unwritable_state_folder_is_told_in_one_line(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()

    refused = RunningPlatform(in_the_way / "state").command("up")

    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "can't be written" in refused.stderr
    assert "--state-dir" in refused.stderr


def test_ctrl_c_leaves_no_process_behind_and_another_market_is_refused(platform: RunningPlatform) -> None:
    everything = platform.processes()
    assert len(everything) > len(platform.status()["processes"])  # supervisor, PostgreSQL's own, the workers' children

    assert platform.interrupt() == 0

    assert platform.processes() == []
    assert not any(process.is_running() for process in everything)
    assert platform.status()["running"] is False

    refused = platform.command("up", "--venue", "kraken", "--detach")

    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "--state-dir" in refused.stderr


def test_a_backup_restores_to_the_same_rows(platform: RunningPlatform, tmp_path: Path) -> None:
    url = platform.status()["database_url"]
    _query(
        url,
        "CREATE TABLE money (id int PRIMARY KEY, amount numeric, at timestamptz);"
        "INSERT INTO money SELECT i, i / 3.0, now() + i * interval '1 ms' FROM generate_series(1, 1000) i",
    )
    rows = "SELECT * FROM money ORDER BY id"

    made = platform.command("backup", str(tmp_path / "ledger.dump"))
    assert made.returncode == 0, made.stderr
    fresh = url.rpartition("/")[0] + "/restored"
    _query(url, "CREATE DATABASE restored")
    restored = platform_tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={fresh}", made.stdout.strip())

    assert restored == 0
    assert _query(fresh, rows) == _query(url, rows)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    assert _query(fresh, tables) == _query(url, tables)


def test_a_killed_worker_group_is_replaced_and_its_run_failed(platform: RunningPlatform) -> None:
    seen = platform.status()
    simulator = ControlClient(seen["simulator_url"])
    refreshes = "FROM runs WHERE pipeline_name = 'refresh'"
    simulator.fault("rest_mute", shape="hang", endpoint="market")
    [run_id] = platform.wait_for(
        lambda: _column(seen, f"SELECT run_id {refreshes} AND status = 'STARTED'"), 60, "a refresh that hangs"
    )
    later = f"id > (SELECT id {refreshes} AND run_id = '{run_id}')"
    victim = platform.pid("worker-market")
    children = psutil.Process(victim).children(recursive=True)
    assert children

    os.killpg(victim, signal.SIGKILL)
    simulator.clear_faults()

    platform.wait_for(
        lambda: _column(seen, f"SELECT status {refreshes} AND run_id = '{run_id}' AND status = 'FAILURE'"),
        60,  # the run's own limits come much later
        "its run fails",
    )
    platform.wait_for(
        lambda: _column(seen, f"SELECT 1 {refreshes} AND status = 'SUCCESS' AND {later}"),
        60,
        "the lane is free again",
    )
    [worker] = [process for process in platform.status()["processes"] if process["name"] == "worker-market"]
    assert worker["pid"] != victim
    assert worker["restarts"] == 1
    assert not any(child.is_running() for child in children)


def test_a_second_up_finds_the_first(platform: RunningPlatform) -> None:
    attached = platform.command("up", "--detach")

    assert attached.returncode == 0
    assert "Already running" in attached.stdout
    assert platform.up is not None
    assert platform.up.poll() is None


def test_a_crash_of_everything_is_mended_by_the_next_start(platform: RunningPlatform) -> None:
    first = platform.status()
    _query(first["database_url"], "CREATE TABLE survives (answer int); INSERT INTO survives VALUES (42)")

    platform.kill_everything()
    # what PostgreSQL's lock file names may be somebody else by now
    lock = Path(first["state_folder"]) / "postgres" / "postmaster.pid"
    lock.write_text("\n".join([str(os.getpid()), *lock.read_text().splitlines()[1:]]) + "\n")
    platform.start()

    assert _query(platform.status()["database_url"], "SELECT answer FROM survives") == [(42,)]
    assert platform.command("down").returncode == 0
    assert platform.processes() == []
    assert platform.up is not None
    assert platform.up.wait(timeout=10) == 0


def platform_tool(name: str, *arguments: str) -> int:
    """Run one of PostgreSQL's programs; returns its exit code."""
    return os.spawnv(os.P_WAIT, binary(name), [name, *arguments])


def _column(status: dict[str, Any], statement: str) -> list[Any]:
    return [row[0] for row in _query(status["dagster_database_url"], statement)]


def _query(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
