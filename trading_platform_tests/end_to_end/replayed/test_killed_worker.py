"""SIGKILL of a worker in the middle of a run: the run fails, its lane is free, and work goes on (I5)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from trading_platform_tests.support.platform import RunningPlatform
from trading_platform_tests.support.records import Records

pytestmark = pytest.mark.end_to_end

PATIENCE_SECONDS = 120
_RUNS = "SELECT run_id, status, extract(epoch FROM create_timestamp), end_time FROM runs WHERE pipeline_name = '{}'"


def _run_in_progress(records: Records, job: str) -> str | None:
    started = records.dagster(_RUNS.format(job) + " AND status = 'STARTED' ORDER BY id DESC")
    return str(started[0][0]) if started else None


def _ended(records: Records, run_id: str) -> tuple[str, float] | None:
    [(status, end_time)] = records.dagster(f"SELECT status, end_time FROM runs WHERE run_id = '{run_id}'")
    return (status, float(end_time)) if end_time else None


def _next_success(records: Records, job: str, after: float) -> bool:
    succeeded = records.dagster(_RUNS.format(job) + f" AND status = 'SUCCESS' AND start_time > {after}")
    return bool(succeeded)


def _kill_the_group(worker: int) -> None:
    os.killpg(worker, signal.SIGKILL)


def _kill_the_child_that_runs(worker: int) -> None:
    for child in psutil.Process(worker).children():
        child.kill()


@pytest.mark.parametrize(
    ("job", "worker", "kill"),
    [
        ("refresh", "worker-market", _kill_the_group),
        ("trade", "worker-trading", _kill_the_group),
        ("trade", "worker-trading", _kill_the_child_that_runs),
    ],
)
def test_the_run_of_a_killed_worker_frees_its_lane(
    platform: RunningPlatform,
    records: Records,
    job: str,
    worker: str,
    kill: Callable[[int], None],
    capsys: pytest.CaptureFixture[str],
    record_property: Any,
) -> None:
    platform.wait_for(lambda: _next_success(records, job, 0), PATIENCE_SECONDS, f"a first {job} run")
    victim = platform.pid(worker)
    records.simulator.fault("delay", delay_seconds=3, channel="rest")  # long runs, as at a slow venue
    run_id = platform.wait_for(lambda: _run_in_progress(records, job), PATIENCE_SECONDS, f"a {job} run in progress")

    killed_at = time.time()
    kill(victim)
    records.simulator.clear_faults()

    status, ended_at = platform.wait_for(lambda: _ended(records, run_id), PATIENCE_SECONDS, "the killed run's end")
    assert status == "FAILURE"
    platform.wait_for(lambda: _next_success(records, job, killed_at), PATIENCE_SECONDS, f"the next {job} run")
    record_property("seconds_until_the_lane_was_free", ended_at - killed_at)
    with capsys.disabled():
        print(f"\n{kill.__name__} ({job}): its lane was free {ended_at - killed_at:.1f} s later")  # noqa: T201
