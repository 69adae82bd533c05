"""Latency, cadence and CPU of the loop, beside the same definitions on stock Dagster, in the same run.

Legs: *tick → signals* is from the sensor tick that requested a refresh run to the materialization of `signals` in it;
*signals → order* is from that materialization to the venue's acknowledgement of an order on one of its signals.

Both profiles are compared on a replay at speed 60, so that every tick brings signals and orders: at speed 1 a quarter
of an hour would bring a handful. Then the platform runs at speed 1, as it does for its owner, for cadence and CPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.platform_run import CpuMeter, RunningPlatform, busy_percent, running_platform
from benchmarks.records import keep
from trading_platform_tests.support.archives import recorded_or_synthetic

STOCK = {"ORCHESTRATION__LAUNCHER": "subprocess", "ORCHESTRATION__EXECUTOR": "multiprocess"}
LIVELY = {
    "STRATEGIES": json.dumps(
        [
            {"name": "trend_following", "params": {"adx_minimum": 5}},
            {"name": "mean_reversion", "params": {"rsi_oversold": 45}},
        ]
    ),
    "RISK__COOLDOWN_SECONDS": "0",
}
"""The same rules with thresholds that let them speak often enough for stock Dagster to send some orders, too."""

WARM_UP_SECONDS = 45.0

_TICKS = """
select t.timestamp from job_ticks t join jobs j on j.selector_id = t.selector_id
where j.job_body like '%refresh_sensor%' and t.timestamp >= to_timestamp(:since) at time zone 'utc'
order by t.timestamp
"""

_REFRESH_RUNS = """
select r.run_id,
       extract(epoch from t.timestamp) as tick,
       extract(epoch from r.create_timestamp) as created,
       extract(epoch from max(e.timestamp) filter (where e.dagster_event_type = 'PIPELINE_STARTING')) as dequeued,
       extract(epoch from max(e.timestamp) filter (where e.dagster_event_type = 'PIPELINE_START')) as started,
       extract(epoch from max(e.timestamp) filter (
           where e.dagster_event_type = 'ASSET_MATERIALIZATION' and e.step_key = 'signals')) as signals
from runs r
join run_tags g on g.run_id = r.run_id and g.key = 'dagster/tick'
join job_ticks t on t.id = g.value::bigint
join event_logs e on e.run_id = r.run_id
where r.pipeline_name = 'refresh' and t.timestamp >= to_timestamp(:since) at time zone 'utc'
group by r.run_id, t.timestamp, r.create_timestamp
"""

_STEPS = """
select e.step_key,
       extract(epoch from max(e.timestamp) filter (where e.dagster_event_type = 'STEP_SUCCESS')
                        - max(e.timestamp) filter (where e.dagster_event_type = 'STEP_START')) as seconds
from event_logs e join runs r on r.run_id = e.run_id
where e.step_key is not null and r.pipeline_name in ('refresh', 'trade')
  and e.timestamp >= to_timestamp(:since) at time zone 'utc'
group by e.run_id, e.step_key
"""

_TRADE_RUNS = """
select extract(epoch from t.timestamp) as tick,
       extract(epoch from r.create_timestamp) as created,
       extract(epoch from max(e.timestamp) filter (where e.dagster_event_type = 'PIPELINE_STARTING')) as dequeued,
       extract(epoch from max(e.timestamp) filter (where e.dagster_event_type = 'PIPELINE_START')) as started,
       extract(epoch from max(e.timestamp) filter (where e.dagster_event_type = 'PIPELINE_SUCCESS')) as ended
from runs r
join run_tags g on g.run_id = r.run_id and g.key = 'dagster/tick'
join job_ticks t on t.id = g.value::bigint
join event_logs e on e.run_id = r.run_id
where r.pipeline_name = 'trade' and t.timestamp >= to_timestamp(:since) at time zone 'utc'
group by r.run_id, t.timestamp, r.create_timestamp
"""

_ACKNOWLEDGED = """
select extract(epoch from s.recorded_at) as recorded,
       extract(epoch from min(e.at) filter (where e.status in ('open', 'partially_filled', 'filled'))) as acknowledged
from orders o join signals s on s.signal_id = o.signal_id join order_events e on e.client_order_id = o.client_order_id
where s.recorded_at >= to_timestamp(:since)
group by o.client_order_id, s.recorded_at
"""


@dataclass(frozen=True)
class Leg:
    """Seconds of one leg."""

    samples: int
    median: float
    p95: float
    longest: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Leg | None:
        """None without samples."""
        if not seconds:
            return None
        ordered = sorted(seconds)
        p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
        return cls(len(ordered), statistics.median(ordered), p95, ordered[-1])


@dataclass(frozen=True)
class Measured:
    """One profile's figures; seconds and percent of the whole machine."""

    profile: str
    seconds: float
    tick_to_signals: Leg | None
    signals_to_order: Leg | None
    cadence: Leg | None
    cpu_percent: float
    breakdown: dict[str, Leg | None]


def measure(profile: str, settings: dict[str, str], seconds: float, flags: Sequence[str]) -> Measured:
    """Run the platform in a fresh folder and read its records."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_platform(Path(folder) / "state", *flags, settings=settings) as running,
    ):
        time.sleep(WARM_UP_SECONDS)
        since = time.time()
        meter = CpuMeter(running)
        time.sleep(seconds)
        return _read(profile, running, since, seconds, meter.percent())


def _read(profile: str, running: RunningPlatform, since: float, seconds: float, cpu: float) -> Measured:
    dagster = "dagster_database_url"
    refreshed = [r for r in running.rows(dagster, _REFRESH_RUNS, since=since) if r.signals]
    trades = [r for r in running.rows(dagster, _TRADE_RUNS, since=since) if r.ended]
    ticks = [row[0].timestamp() for row in running.rows(dagster, _TICKS, since=since)]
    orders = [r for r in running.rows("database_url", _ACKNOWLEDGED, since=since) if r.acknowledged]
    breakdown: dict[str, list[float]] = {}
    for name, rows in (("refresh", refreshed), ("trade", trades)):
        breakdown[f"{name}: tick → run created"] = [float(r.created - r.tick) for r in rows]
        breakdown[f"{name}: created → dequeued"] = [float(r.dequeued - r.created) for r in rows]
        breakdown[f"{name}: dequeued → started"] = [float(r.started - r.dequeued) for r in rows]
    breakdown["refresh: started → signals"] = [float(r.signals - r.started) for r in refreshed]
    breakdown["trade: started → ended"] = [float(r.ended - r.started) for r in trades]
    for row in running.rows(dagster, _STEPS, since=since):
        if row.seconds is not None:
            breakdown.setdefault(f"step {row.step_key}", []).append(float(row.seconds))
    return Measured(
        profile,
        seconds,
        Leg.of([float(r.signals - r.tick) for r in refreshed]),
        Leg.of([float(r.acknowledged - r.recorded) for r in orders]),
        Leg.of([b - a for a, b in pairwise(ticks)]),
        cpu,
        {name: Leg.of(values) for name, values in breakdown.items()},
    )


def show(console: Console, results: Sequence[Measured]) -> None:
    """Tables of the figures, and the ratios between the profiles."""
    table = Table("", *(r.profile for r in results), title="Loop latency (median / p95 / longest, seconds)")
    for label, name in (
        ("tick → signals", "tick_to_signals"),
        ("signals → order", "signals_to_order"),
        ("cadence", "cadence"),
    ):
        table.add_row(label, *(_text(getattr(r, name)) for r in results))
    table.add_row("CPU, % of the machine", *(f"{r.cpu_percent:.1f}" for r in results))
    console.print(table)
    if len(results) >= 2:
        stock, warm = results[:2]
        for label, name in (("tick → signals", "tick_to_signals"), ("signals → order", "signals_to_order")):
            slow, fast = getattr(stock, name), getattr(warm, name)
            if slow and fast:
                console.print(f"{label}: {slow.median / fast.median:.1f} times faster than stock at the median")
    details = Table("", *(r.profile for r in results), title="Where the time goes")
    for name in dict.fromkeys(name for r in results for name in r.breakdown):
        details.add_row(name, *(_text(r.breakdown.get(name)) for r in results))
    console.print(details)


def _text(leg: Leg | None) -> str:
    return f"{leg.median:.2f} / {leg.p95:.2f} / {leg.longest:.2f}  ({leg.samples})" if leg else "—"


def main() -> None:
    """Measure stock, then the platform; print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=200.0, help="of each profile at speed 60")
    parser.add_argument("--live-seconds", type=float, default=600.0, help="of the platform at speed 1")
    arguments = parser.parse_args()
    console = Console(width=150)
    idle = busy_percent(15)
    console.print(f"before the start, other programs keep the machine {idle:.1f} % busy")
    results = []
    with tempfile.TemporaryDirectory(prefix="bench-candles-") as spare:
        folder = recorded_or_synthetic("2025-03", Path(spare), candles=20_000)
        flags = ["--replay", str(folder), "--speed", "60", "--port", "3900"]
        for profile, settings in (("stock, speed 60", STOCK), ("platform, speed 60", {})):
            console.print(f"measuring {profile} for {arguments.seconds:.0f} s …")
            results.append(measure(profile, LIVELY | settings, arguments.seconds, flags))
    if arguments.live_seconds:
        console.print(f"measuring the platform at speed 1 for {arguments.live_seconds:.0f} s …")
        results.append(measure("platform, speed 1", {}, arguments.live_seconds, ["--port", "3900"]))
    show(console, results)
    keep("loop_latency", {"busy_percent_before": idle, "results": [asdict(r) for r in results]}, console)


if __name__ == "__main__":
    main()
