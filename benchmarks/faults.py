"""What the data path does through every fault of the venue, and how fast: `make faults`.

The stream process's work and the refresh run's, with the settings' own limits, over real sockets and PostgreSQL,
against the simulated exchange, each scenario with an exchange, a database and a process of its own, several at once.
Times are wall seconds, so they hold on this computer as busy as it is; rows hold on any.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform as computer
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from trading_platform.adapters.postgres.migrate import upgrade
from trading_platform_tests.faults.data_outcome import DETECTION_LIMIT_SECONDS, Outcome, judge
from trading_platform_tests.faults.data_path import Pace, run_scenario
from trading_platform_tests.faults.data_scenarios import SCENARIOS, Scenario
from trading_platform_tests.support.postgres import PostgresServer, running_postgres

RESULTS = Path(__file__).parent / "results"
COLUMNS = (
    "fault",
    "market time",
    "noticed after",
    "fresh price after",
    "… counted from",
    "oldest price",
    "live again",
    "no hole after",
    "rows",
    "by REST",
    "lost",
    "doubled",
    "wrong",
    "corrected",
    "verdict",
)


def measure(scenario: Scenario, url: str) -> Outcome:
    """One scenario, on an empty database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    pace = Pace()
    upgrade(url)
    return judge(scenario, pace, run_scenario(scenario, pace, url))


def row(outcome: Outcome) -> tuple[str, ...]:
    """The table's row."""
    silence = outcome.requests_in_silence
    asked = "" if silence is None else f" ({silence} requests until then)"
    return (
        outcome.scenario,
        f"{outcome.market_seconds / 60:.0f} min",
        _seconds(outcome.detection_seconds),
        _seconds(outcome.fresh_seconds),
        outcome.fresh_since + asked,
        _seconds(outcome.oldest_price_seconds),
        _seconds(outcome.live_again_seconds),
        _seconds(outcome.whole_seconds),
        str(outcome.rows),
        str(outcome.rows_by_rest),
        str(outcome.rows_lost),
        str(outcome.rows_doubled),
        str(outcome.rows_wrong),
        str(outcome.corrections),
        "; ".join(outcome.problems) or "held",
    )


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def as_markdown(outcomes: Sequence[Outcome], about: str) -> str:
    """The table, and what happened in each scenario."""
    lines = ["# Faults of the venue", "", about, "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(row(outcome))} |" for outcome in outcomes]
    for outcome in outcomes:
        lines += ["", f"## {outcome.scenario}", "", f"Ticks with trouble: {outcome.failed_ticks}.", ""]
        lines += [f"- {state}" for state in outcome.states] or ["No stream changed its state."]
    return "\n".join(lines) + "\n"


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """The table on the terminal."""
    table = Table(*COLUMNS, title="The data path through the venue's faults (wall seconds)")
    for outcome in outcomes:
        table.add_row(*row(outcome))
    console.print(table)


def main() -> int:
    """Run all scenarios, show and keep the figures; 1 if a limit was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, default=5, help="scenarios side by side")
    parser.add_argument("--only", default="", help="those whose name contains this")
    options = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.name]
    if not chosen:
        parser.error(f"no scenario's name contains {options.only!r}")
    begun, now = time.monotonic(), datetime.now(UTC)
    with running_postgres() as server:
        outcomes, broken = _run_all(chosen, server, options.at_once)
    machine = {"processors": os.cpu_count(), "system": computer.system(), "machine": computer.machine()}
    about = (
        f"`make faults`, {now:%Y-%m-%d %H:%M} UTC, {machine['processors']} processors, {options.at_once} scenarios at "
        f"once, {time.monotonic() - begun:.0f} s in all. Three symbols of a synthetic market at 20 times the speed of "
        f"life (60 in the outage: a minute stands for an hour), refreshed every {Pace().cadence_seconds:.0f} s, all "
        f"limits as in settings.toml. Owed: noticed within {DETECTION_LIMIT_SECONDS:.0f} s, fresh prices within one "
        "refresh, no row lost, doubled or wrong."
    )
    console = Console(width=200)
    show(console, outcomes)
    file = RESULTS / f"faults-{now:%Y%m%d-%H%M%S}"
    measured = [{**asdict(outcome), "problems": outcome.problems} for outcome in outcomes]
    content = {
        "at": now.isoformat(),
        "computer": machine,
        "at_once": options.at_once,
        "measured": measured,
        "broken": broken,
    }
    file.with_suffix(".json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    file.with_suffix(".md").write_text(as_markdown(outcomes, about))
    console.print(f"Figures: {file}.md and .json")
    for scenario, trouble in broken.items():
        console.print(f"{scenario}: broke off, {trouble}")
    return 1 if broken or any(outcome.problems for outcome in outcomes) else 0


def _run_all(chosen: Sequence[Scenario], server: PostgresServer, at_once: int) -> tuple[list[Outcome], dict[str, str]]:
    """Outcomes, and why scenarios without one broke off."""
    # a process of its own for each scenario: its connections to the server end with it
    context = multiprocessing.get_context("spawn")
    with ExitStack() as databases, ProcessPoolExecutor(at_once, context, max_tasks_per_child=1) as pool:
        running = [pool.submit(measure, each, databases.enter_context(server.database())) for each in chosen]
        broken = {
            scenario.name: str(trouble)
            for scenario, each in zip(chosen, running, strict=True)
            if (trouble := each.exception()) is not None
        }
        return [each.result() for each in running if each.exception() is None], broken


if __name__ == "__main__":
    sys.exit(main())
