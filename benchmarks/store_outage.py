"""InfluxDB stops answering while the market goes on: what is lost and what still works: `make store-outage`.

The platform's own services against the stand-in for InfluxDB, which holds every request and says nothing. By default
ten minutes of the wall clock at replay speed 60, which are ten hours of the market.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.records import keep
from trading_platform_tests.faults.store_outage import HISTORY, Outcome, Plan, run_outage
from trading_platform_tests.support.archives import recorded_candles, write_archive
from trading_platform_tests.support.postgres import running_postgres

_QUIET_SECONDS = 20.0
_RECOVERY_SECONDS = 120.0


def show(console: Console, plan: Plan, outcome: Outcome) -> None:
    """One table."""
    title = f"InfluxDB silent for {plan.outage_seconds / 60:g} minutes, market {plan.speed:g} times as fast"
    table = Table("", "", title=title)
    counts = f"{outcome.candles:,}, {outcome.prices:,}, {outcome.indicators:,}"
    rows: dict[str, object] = {
        "candles, prices, rows of indicators accepted": counts,
        "lost": outcome.lost,
        "doubled": outcome.doubled,
        "wrong, or written again with other values": f"{outcome.wrong}, {outcome.corrected}",
        "refreshes during the outage, of them whole": f"{outcome.ticks}, {outcome.whole_ticks}",
        "longest of them": f"{outcome.longest_tick_seconds:.1f} s",
        "signals recorded": outcome.signals,
        "points in the spool at its fullest": f"{outcome.most_waiting:,}",
        "nothing waits any more": f"{outcome.recovery_seconds:.1f} s after the server is back",
        "the owner was told": "; ".join(outcome.told),
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    for why, times in outcome.failures.most_common(5):
        table.add_row(f"failed {times} times", why)
    console.print(table)


def main() -> int:
    """Run, print and keep the figures; 1 if anything was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the wall clock, without InfluxDB")
    parser.add_argument("--speed", type=float, default=60.0, help="of the market")
    parser.add_argument("--tick", type=float, default=3.0, help="seconds between two refreshes")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    console = Console(width=118)
    plan = Plan(_QUIET_SECONDS, options.minutes * 60, options.speed, options.tick)
    market_minutes = (_QUIET_SECONDS + plan.outage_seconds + _RECOVERY_SECONDS) * plan.speed / 60
    with tempfile.TemporaryDirectory(prefix="store-outage-") as folder, running_postgres() as server:
        archive = recorded_candles("2025-03") or write_archive(Path(folder) / "archive", HISTORY + int(market_minutes))
        outcome = run_outage(plan, archive, server.emptied_database())
    show(console, plan, outcome)
    keep("store_outage", {"plan": asdict(plan), "outcome": asdict(outcome)}, console)
    return 1 if outcome.lost or outcome.doubled or outcome.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
