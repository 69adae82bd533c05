"""SIGKILL of a worker's whole process group in the middle of a run: the run fails, its lane is free, work goes on."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

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


@pytest.mark.parametrize(("job", "worker"), [("refresh", "worker-market"), ("trade", "worker-trading")])
def test_the_run_of_a_killed_worker_frees_its_lane(
    platform: RunningPlatform,
    records: Records,
    job: str,
    worker: str,
    capsys: pytest.CaptureFixture[str],
    record_property: Any,
) -> None:
    platform.wait_for(lambda: _next_success(records, job, 0), PATIENCE_SECONDS, f"a first {job} run")
    victim = platform.pid(worker)
    records.simulator.fault("delay", delay_seconds=3, channel="rest")  # long runs, as at a slow venue
    run_id = platform.wait_for(lambda: _run_in_progress(records, job), PATIENCE_SECONDS, f"a {job} run in progress")

    killed_at = time.time()
    os.killpg(victim, signal.SIGKILL)
    records.simulator.clear_faults()

    status, ended_at = platform.wait_for(lambda: _ended(records, run_id), PATIENCE_SECONDS, "the killed run's end")
    assert status == "FAILURE"
    platform.wait_for(lambda: _next_success(records, job, killed_at), PATIENCE_SECONDS, f"the next {job} run")
    record_property(f"seconds_until_the_{job}_lane_was_free", ended_at - killed_at)
    with capsys.disabled():
        print(f"\n{job}: the lane was free {ended_at - killed_at:.1f} s after the kill")  # noqa: T201
