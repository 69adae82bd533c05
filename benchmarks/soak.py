"""The whole platform for hours at the speed of life, while its venue misbehaves at random: `make soak`.

A fault of `make faults` is set after a random calm, lasts as long as there, and is cleared. Meanwhile the memory of
every process is noted. Owed at the end: the stream process is the one that began, its memory is flat after the first
third of the run, no log has an exception that nobody handled, no candle is missing or different from the exchange's
own.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.memory import FLAT_MIB_PER_HOUR, SAMPLE_SECONDS, MemoryMeter
from benchmarks.platform_run import CpuMeter, RunningPlatform, running_platform
from benchmarks.records import keep
from trading_platform_tests.faults.data_scenarios import SCENARIOS, Scenario
from trading_platform_tests.support.simulated import ControlClient

LONGEST_CALM_SECONDS = 90.0
SETTLE_SECONDS = 120.0

CandleValues = tuple[Decimal, ...]

_UNHANDLED = re.compile(
    r"never retrieved|Task was destroyed|Unclosed (?:client|connector)|Exception ignored|was never awaited"
    r"|Unhandled exception|Fatal Python error"
)
_TRACEBACK = "Traceback (most recent call last)"

_MISSING = """
select symbol, count(*) as rows, count(distinct open_time) as distinct_rows, min(open_time) as first,
       max(open_time) as last
from candles where interval = '1m' group by symbol order by symbol
"""
_CHANGES = "select after, count(*) from stream_changes group by after order by after"
_RUNS = "select status, count(*) from runs group by status order by status"


@contextmanager
def fault(control: ControlClient, scenario: Scenario) -> Iterator[None]:
    """The scenario's faults, cleared at the end."""
    for each in scenario.faults:
        control.fault(**each)
    try:
        yield
    finally:
        control.clear_faults()


def candles_that_differ(running: RunningPlatform, base_url: str) -> dict[str, dict[str, int]]:
    """Per symbol: rows, rows doubled, candles of the exchange that are missing, and such as differ from it."""
    found = {}
    for symbol, rows, distinct_rows, first, last in running.rows("database_url", _MISSING):
        stored = {
            row[0]: tuple(row[1:])
            for row in running.rows(
                "database_url",
                "select open_time, open, high, low, close, volume from candles where interval = '1m' and symbol = :s",
                s=symbol,
            )
        }
        published = dict(_klines(base_url, symbol.replace("/", ""), first, last))
        found[symbol] = {
            "rows": rows,
            "doubled": rows - distinct_rows,
            "missing": sum(open_time not in stored for open_time in published),
            "different": sum(stored.get(at, values) != values for at, values in published.items()),
        }
    return found


def _klines(
    base_url: str, name: str, first: datetime, last: datetime
) -> Iterator[tuple[datetime, tuple[Decimal, ...]]]:
    start, end = int(first.timestamp() * 1000), int(last.timestamp() * 1000)
    while start <= end:
        query = f"symbol={name}&interval=1m&startTime={start}&endTime={end}&limit=1000"
        with urllib.request.urlopen(f"{base_url}/api/v3/klines?{query}", timeout=10) as answer:
            page = json.loads(answer.read())
        if not page:
            return
        for fields in page:
            yield datetime.fromtimestamp(fields[0] / 1000, UTC), tuple(Decimal(value) for value in fields[1:6])
        start = page[-1][0] + 60_000


def log_findings(logs: Path) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Per log: lines that tell of something nobody handled, and the last lines of tracebacks (which somebody did)."""
    unhandled: dict[str, Counter[str]] = {}
    handled: dict[str, Counter[str]] = {}
    for file in sorted(logs.glob("*.log*")):
        in_traceback = False
        for line in file.read_text(errors="replace").splitlines():
            if found := _UNHANDLED.search(line):
                unhandled.setdefault(file.name, Counter())[found.group()] += 1
            if _TRACEBACK in line:
                in_traceback = True
            elif in_traceback and line and not line.startswith((" ", "\t")):
                in_traceback = False
                handled.setdefault(file.name, Counter())[line[:160]] += 1
    return unhandled, handled


def soak(state_dir: Path, seconds: float, seed: int, console: Console) -> dict[str, Any]:
    """Run the platform, misbehave, and reckon up."""
    chance = random.Random(seed)
    with running_platform(state_dir, "--port", "3901", settings={}) as running:
        url = running.status()["simulator_url"]
        control, memory, cpu = ControlClient(url), MemoryMeter(running), CpuMeter(running)
        began, faults = time.monotonic(), Counter[str]()
        _wait(memory, min(60.0, seconds / 10))
        while time.monotonic() - began < seconds - SETTLE_SECONDS:
            _wait(memory, chance.uniform(10.0, LONGEST_CALM_SECONDS))
            scenario = chance.choice(SCENARIOS)
            console.print(f"{time.monotonic() - began:7.0f} s  {scenario.name}")
            with fault(control, scenario):
                _wait(memory, scenario.seconds)
            faults[scenario.name] += 1
        _wait(memory, SETTLE_SECONDS)
        busy = cpu.percent()
        candles = candles_that_differ(running, url)
        streams = running.rows("database_url", "select symbol, state, reconnects, malformed from stream_statuses")
        changes = {row[0]: row[1] for row in running.rows("database_url", _CHANGES)}
        runs = {row[0]: row[1] for row in running.rows("dagster_database_url", _RUNS)}
        restarts = {row["name"]: row["restarts"] for row in running.status()["processes"]}
        unhandled, handled = log_findings(state_dir / "logs")
    return {
        "command": f"make soak SOAK='--minutes {seconds / 60:.0f} --seed {seed}'",
        "seconds": round(time.monotonic() - began),
        "cpu_percent_of_all_cores": round(busy, 1),
        "faults": dict(faults),
        "memory": {name: each.figures(seconds) for name, each in memory.processes.items()},
        "restarts": restarts,
        "streams": [dict(row._mapping) for row in streams],
        "state_changes": changes,
        "dagster_runs": runs,
        "candles": candles,
        "unhandled": {name: dict(each) for name, each in unhandled.items()},
        "tracebacks": {name: dict(each.most_common(5)) for name, each in handled.items()},
    }


def _wait(memory: MemoryMeter, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        memory.sample()
        time.sleep(min(SAMPLE_SECONDS, left))


def problems(figures: dict[str, Any]) -> list[str]:
    """What was owed and didn't hold."""
    found = []
    slope = figures["memory"]["stream"]["mib_per_hour"]
    if slope is None or slope > FLAT_MIB_PER_HOUR:
        found.append(f"the stream's memory grows by {slope} MiB an hour")
    if figures["restarts"]["stream"]:
        found.append(f"the stream was started {figures['restarts']['stream']} times more")
    found += [f"{name}: {what}" for name, what in figures["unhandled"].items()]
    for symbol, rows in figures["candles"].items():
        wrong = {what: count for what, count in rows.items() if what != "rows" and count}
        if wrong:
            found.append(f"{symbol}: {wrong}")
    return found


def _show(console: Console, figures: dict[str, Any], broken: Sequence[str]) -> None:
    warm_up = figures["memory"]["stream"]["warm_up_seconds"] / 60
    titles = ("process", f"after {warm_up:.0f} min", "at the end", "largest", "per hour", "by thirds of the run")
    table = Table(*titles, title="Memory without the pages of libraries, MiB")
    for name, each in figures["memory"].items():
        keys = ("first_mib", "last_mib", "largest_mib", "mib_per_hour", "mib_per_hour_by_thirds")
        table.add_row(name, *(str(each[key]) for key in keys))
    console.print(table)
    stream = figures["memory"]["stream"]
    console.print(f"stream, MiB every five minutes: {stream['mib_every_five_minutes']}")
    console.print(f"stream, KiB per reconnect after the warm-up: {stream['kib_per_reconnect']}")
    for key in ("seconds", "cpu_percent_of_all_cores", "faults", "state_changes", "streams", "dagster_runs"):
        console.print(f"{key}: {figures[key]}")
    console.print(f"candles: {figures['candles']}\nunhandled: {figures['unhandled'] or 'nothing'}")
    console.print("; ".join(broken) or "held")


def main() -> int:
    """Soak, show and keep the figures; 1 if something owed didn't hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=20250301, help="of the faults and the calms between them")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        figures = soak(Path(folder) / "state", options.minutes * 60, options.seed, console)
    broken = problems(figures)
    _show(console, figures, broken)
    keep("soak", {**figures, "problems": broken}, console)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
