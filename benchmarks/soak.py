"""The whole platform for hours at the speed of life, while its venue misbehaves at random: `make soak`.

A fault of `make faults` is set after a random calm, lasts as long as there, and is cleared. Meanwhile the memory of
every process is noted. Owed at the end: the stream process is the one that began, its memory is flat, no log has an
exception that nobody handled, no candle is missing or different from the exchange's own.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.platform_run import CpuMeter, RunningPlatform, running_platform
from benchmarks.records import keep
from trading_platform_tests.faults.data_scenarios import SCENARIOS, Scenario
from trading_platform_tests.support.simulated import ControlClient

SAMPLE_SECONDS = 15.0
WARM_UP_SHARE = 0.5
"""Of the run, before memory is judged: for the better part of an hour each new kind of trouble fills pools, caches and
the allocator's arenas for the first time. What leaks goes on in the second half."""
LONGEST_CALM_SECONDS = 90.0
SETTLE_SECONDS = 120.0
FLAT_MIB_PER_HOUR = 5.0
"""Less than what a socket's client takes anew at each reconnect would add up to, were it kept."""

CandleValues = tuple[Decimal, ...]

_UNHANDLED = re.compile(
    r"never retrieved|Task was destroyed|Unclosed (?:client|connector)|Exception ignored|was never awaited"
    r"|Unhandled exception|Fatal Python error"
)
_TRACEBACK = "Traceback (most recent call last)"
_MIB = 2**20

_MISSING = """
select symbol, count(*) as rows, count(distinct open_time) as distinct_rows, min(open_time) as first,
       max(open_time) as last
from candles where interval = '1m' group by symbol order by symbol
"""
_CHANGES = "select after, count(*) from stream_changes group by after order by after"
_RUNS = "select status, count(*) from runs group by status order by status"


@dataclass
class Memory:
    """Resident memory of one process over time: seconds since the start, and bytes."""

    pid: int
    samples: list[tuple[float, int]] = field(default_factory=list)

    def after(self, seconds: float) -> list[tuple[float, int]]:
        """The samples after a warm-up."""
        return [sample for sample in self.samples if sample[0] >= seconds] or self.samples

    def mib_per_hour(self, warm_up: float) -> float | None:
        """Slope of the least-squares line through the samples after the warm-up; None with fewer than three."""
        samples = self.after(warm_up)
        if len(samples) < 3:
            return None
        slope = statistics.linear_regression([at for at, _ in samples], [size for _, size in samples]).slope
        return slope * 3600 / _MIB


class MemoryMeter:
    """Resident memory of every process of the platform, by its name in `status`."""

    def __init__(self, running: RunningPlatform) -> None:
        self._running = running
        self._began = time.monotonic()
        self.processes: dict[str, Memory] = {}

    def sample(self) -> None:
        """Note every process's size; a process that was restarted begins anew under a name of its own."""
        at = time.monotonic() - self._began
        for row in self._running.status()["processes"]:
            if row["pid"] is None:
                continue
            try:
                root = psutil.Process(row["pid"])
                size = sum(each.memory_info().rss for each in (root, *root.children(recursive=True)))
            except psutil.Error:
                continue
            name = row["name"]
            if name in self.processes and self.processes[name].pid != row["pid"]:
                name = f"{name} (pid {row['pid']})"
            self.processes.setdefault(name, Memory(row["pid"])).samples.append((at, size))


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
    warm_up = seconds * WARM_UP_SHARE
    return {
        "command": f"make soak SOAK='--minutes {seconds / 60:.0f} --seed {seed}'",
        "seconds": round(time.monotonic() - began),
        "cpu_percent_of_all_cores": round(busy, 1),
        "faults": dict(faults),
        "memory": {name: _figures(each, warm_up) for name, each in memory.processes.items()},
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


def _figures(memory: Memory, warm_up: float) -> dict[str, Any]:
    sizes = [size / _MIB for _, size in memory.after(warm_up)]
    slope = memory.mib_per_hour(warm_up)
    return {
        "samples": len(memory.samples),
        "first_mib": round(sizes[0], 1),
        "last_mib": round(sizes[-1], 1),
        "largest_mib": round(max(sizes), 1),
        "mib_per_hour": None if slope is None else round(slope, 2),
        "mib_every_five_minutes": [round(size / _MIB, 1) for _, size in memory.samples[:: int(300 / SAMPLE_SECONDS)]],
    }


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
    table = Table("process", "after warm-up", "at the end", "largest", "per hour", title="Resident memory, MiB")
    for name, each in figures["memory"].items():
        table.add_row(name, *(str(each[key]) for key in ("first_mib", "last_mib", "largest_mib", "mib_per_hour")))
    console.print(table)
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
