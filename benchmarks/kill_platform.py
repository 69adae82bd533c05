"""The same proof on the whole platform: `make proof-platform`.

It trades at speed 60 with its Celery workers, and the child that executes trade runs is killed (SIGKILL) in the middle
of one, again and again, at random moments. After each kill the run must fail, another must succeed, and ledger and
exchange must come to tell the same story, to the last digit, while the market goes on.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import psutil
from rich.console import Console

from benchmarks.loop_latency import LIVELY
from benchmarks.records import keep
from trading_platform_tests.support.archives import recorded_or_synthetic
from trading_platform_tests.support.platform import RunningPlatform, running_platform
from trading_platform_tests.support.records import Records

T = TypeVar("T")
ACCOUNT = "main"
WORKER = "worker-trading"
SETTINGS = {
    "CADENCE__REFRESH_SECONDS": "3",
    "CHARTS__MINIMUM_INTERVAL_SECONDS": "30",
    "FRESHNESS__MAX_CANDLE_LATENESS_SECONDS": "15",
    **LIVELY,
}
_PATIENCE_SECONDS = 300.0
_GLANCE_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 0.6
"""Of the kill, after the run was seen to have begun: about as long as a run takes."""

_RUNS = "SELECT run_id FROM runs WHERE pipeline_name = 'trade' AND status = '{}'"


@dataclass(frozen=True)
class Kill:
    """One kill and what came after it."""

    number: int
    run_id: str
    delay_seconds: float
    run_was_failed: bool
    seconds_until_traded: float
    seconds_until_books_agreed: float
    problems: list[str]


def main() -> int:
    """Kill, look and keep what came of it; 1 if the books didn't come to agree after a kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    options = parser.parse_args()
    console, chance = Console(width=160, highlight=False), random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="trading-platform-") as name:
        folder = Path(name)
        archive = recorded_or_synthetic("2025-03", folder / "archive", candles=30_000)
        flags = ("--replay", str(archive), "--speed", "60")
        with running_platform(folder / "state", *flags, **SETTINGS) as platform:
            records = Records(platform)
            _wait(lambda: records.dagster(_RUNS.format("SUCCESS")), "a first trade run")
            kills = [_kill(platform, records, number, chance, console) for number in range(options.kills)]
            orders, fills = records.ledger(
                "SELECT status, count(*) FROM orders GROUP BY 1", "SELECT count(*) FROM fills"
            )
    failed = [kill for kill in kills if kill.problems]
    figures = {"kills": [asdict(kill) for kill in kills], "orders": dict(orders), "fills": fills[0][0]}
    keep("kill_platform", figures, console)
    in_run = sum(kill.run_was_failed for kill in kills)
    console.print(
        f"{len(kills)} kills, {in_run} of them in the middle of a run; {sum(dict(orders).values())} orders; "
        f"after {len(failed)} the books didn't agree"
    )
    return 1 if failed else 0


def _kill(platform: RunningPlatform, records: Records, number: int, chance: random.Random, console: Console) -> Kill:
    delay = chance.uniform(0, _LONGEST_DELAY_SECONDS)
    worker = psutil.Process(platform.pid(WORKER))
    [(run_id,), *_] = _wait(lambda: records.dagster(_RUNS.format("STARTED")), "a trade run in progress", often=True)
    time.sleep(delay)
    for child in worker.children():
        child.kill()
    begun = time.monotonic()
    newest = f"(SELECT id FROM runs WHERE run_id = '{run_id}')"
    _wait(lambda: records.dagster(f"{_RUNS.format('SUCCESS')} AND id > {newest}"), "the next trade run")
    traded = time.monotonic() - begun
    failed = records.dagster(f"SELECT 1 FROM runs WHERE run_id = '{run_id}' AND status = 'FAILURE'")
    problems = _problems(records)
    kill = Kill(number, run_id, delay, bool(failed), traded, time.monotonic() - begun, problems)
    console.print(
        f"kill {number}: {'in the middle of a run' if failed else 'the run had ended'}, traded again after "
        f"{traded:.1f} s, books agree after {kill.seconds_until_books_agreed:.1f} s"
    )
    for problem in problems:
        console.print(f"  {problem}")
    return kill


def _problems(records: Records) -> list[str]:
    """What still differs when patience is at its end; the market goes on, so one agreement is what is waited for."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while problems := records.differences(ACCOUNT):
        if time.monotonic() > deadline:
            return problems
        time.sleep(1)
    return []


def _wait(look: Callable[[], list[T]], what: str, *, often: bool = False) -> list[T]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(_GLANCE_SECONDS if often else 1)
    raise TimeoutError(f"not within {_PATIENCE_SECONDS:.0f} s: {what}")


if __name__ == "__main__":
    sys.exit(main())
