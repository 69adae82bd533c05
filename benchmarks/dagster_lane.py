"""Trade runs through Dagster's lane of one: all asked for at once, from the outside, while the platform trades."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.loop_latency import LIVELY
from trading_platform_tests.support.archives import recorded_or_synthetic
from trading_platform_tests.support.platform import running_platform
from trading_platform_tests.support.records import Records, repository_selector, start_sensor, stop_sensor

ACCOUNT = "main"
_ASKERS = 8
_PATIENCE_SECONDS = 900.0
_LAUNCH = """
mutation($selector: JobOrPipelineSelector!) {
    launchRun(executionParams: {selector: $selector}) {
        __typename ... on LaunchRunSuccess { run { runId } }
    }
}
"""
_SPANS = (
    "SELECT start_time, end_time, status FROM runs WHERE pipeline_name = 'trade' AND start_time IS NOT NULL"
    " AND end_time IS NOT NULL"
)


def measure_lane(runs: int) -> dict[str, Any]:
    """Ask for so many trade runs at once, beside those that the platform asks for itself; what became of them."""
    with tempfile.TemporaryDirectory(prefix="trading-platform-") as name:
        folder = Path(name)
        archive = recorded_or_synthetic("2025-03", folder / "archive", candles=30_000)
        flags = ("--replay", str(archive), "--speed", "60")
        with running_platform(folder / "state", *flags, **LIVELY) as platform:
            records = Records(platform)
            _wait_until(lambda: bool(records.ledger("SELECT 1 FROM orders LIMIT 1")[0]))
            begun = time.monotonic()
            asked = _ask(records, runs)
            _wait_until(lambda: _ended(records, asked) == runs)
            seconds = time.monotonic() - begun
            stop_sensor(records, "trade_sensor")
            try:
                _wait_until(lambda: not records.differences(ACCOUNT))
            finally:
                start_sensor(records, "trade_sensor")
            spans = records.dagster(_SPANS)
            [orders, overspent] = records.ledger(
                "SELECT count(*) FROM orders", "SELECT count(*) FROM balances WHERE reserved > total OR total < 0"
            )
    return {
        "runs_asked_for": runs,
        "runs_in_all": len(spans),
        "failed": sum(status != "SUCCESS" for _, _, status in spans),
        "most_at_once": _most_at_once([(begin, end) for begin, end, _ in spans]),
        "runs_a_second": round(runs / seconds, 2),
        "orders": orders[0][0],
        "balances_overspent": overspent[0][0],
    }


def _ask(records: Records, runs: int) -> list[str]:
    selector = {**repository_selector(records), "pipelineName": "trade"}

    def launch(_: int) -> str:
        answer = records.graphql(_LAUNCH, selector=selector)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    with ThreadPoolExecutor(_ASKERS) as pool:
        return list(pool.map(launch, range(runs)))


def _ended(records: Records, run_ids: Sequence[str]) -> int:
    listed = ", ".join(f"'{run_id}'" for run_id in run_ids)
    ended = f"SELECT count(*) FROM runs WHERE run_id IN ({listed}) AND status IN ('SUCCESS', 'FAILURE', 'CANCELED')"
    return int(records.dagster(ended)[0][0])


def _most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """How many runs were under way at the busiest moment; one that begins as another ends isn't beside it."""
    moments = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    under_way, most = 0, 0
    for _, step in moments:
        under_way += step
        most = max(most, under_way)
    return most


def _wait_until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {_PATIENCE_SECONDS:.0f} s")
        time.sleep(1)
