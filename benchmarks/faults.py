"""What the data path does through every fault of the venue, and how fast: `make faults`.

The stream process's work and the refresh run's, with the settings' own limits, over real sockets and PostgreSQL,
against the simulated exchange, each scenario with an exchange, a database and a process of its own, several at once.
Times are wall seconds, so they hold on this computer as busy as it is; rows hold on any.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.records import keep
from trading_platform.adapters.postgres.migrate import upgrade
from trading_platform_tests.faults.data_outcome import DETECTION_LIMIT_SECONDS, Outcome, judge
from trading_platform_tests.faults.data_path import Pace, run_scenario
from trading_platform_tests.faults.data_scenarios import SCENARIOS, Scenario
from trading_platform_tests.support.postgres import PostgresServer, running_postgres

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


@dataclass(frozen=True)
class Trial:
    """A scenario in one of its rounds."""

    scenario: Scenario
    pace: Pace


def trials_of(scenarios: Sequence[Scenario], rounds: int, seed: int) -> list[Trial]:
    """Every scenario once per round, each fault at a moment of its own within the refresh's cadence.

    The rounds divide the cadence among them, so that several of them meet early and late moments alike; within its
    part a moment is random, by the seed.
    """
    chance = random.Random(seed)
    return [
        Trial(scenario, Pace(phase=(number + chance.random()) / rounds))
        for number in range(rounds)
        for scenario in scenarios
    ]


def measure(trial: Trial, url: str) -> Outcome:
    """One trial, on an empty database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    upgrade(url)
    return judge(trial.scenario, trial.pace, run_scenario(trial.scenario, trial.pace, url))


def row(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The table's row of one scenario's rounds: the median and the worst of each time, and all rows together."""
    first = outcomes[0]
    silences = [each.requests_in_silence for each in outcomes if each.requests_in_silence is not None]
    asked = f" ({max(silences)} requests until then)" if silences else ""
    problems = dict.fromkeys(problem for each in outcomes for problem in each.problems)
    return (
        first.scenario,
        f"{first.market_seconds / 60:.0f} min",
        _seconds([each.detection_seconds for each in outcomes]),
        _seconds([each.fresh_seconds for each in outcomes]),
        first.fresh_since + asked,
        _seconds([each.oldest_price_seconds for each in outcomes]),
        _seconds([each.live_again_seconds for each in outcomes]),
        _seconds([each.whole_seconds for each in outcomes]),
        str(sum(each.rows for each in outcomes)),
        str(sum(each.rows_by_rest for each in outcomes)),
        str(sum(each.rows_lost for each in outcomes)),
        str(sum(each.rows_doubled for each in outcomes)),
        str(sum(each.rows_wrong for each in outcomes)),
        str(sum(each.corrections for each in outcomes)),
        "; ".join(problems) or "held",
    )


def _seconds(values: Sequence[float | None]) -> str:
    """The median and, of several, the worst."""
    known = [math.inf if value is None else value for value in values]
    shown = ["never" if value == math.inf else f"{value:.1f} s" for value in (statistics.median(known), max(known))]
    return shown[0] if len(known) == 1 else f"{shown[0]}, worst {shown[1]}"


def by_scenario(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """The rounds of each scenario together, in the order of the scenarios."""
    together: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        together.setdefault(outcome.scenario, []).append(outcome)
    return list(together.values())


def as_markdown(outcomes: Sequence[Outcome], about: str) -> str:
    """The table, and what happened in the slowest round of each scenario."""
    lines = ["# Faults of the venue", "", about, "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(row(rounds))} |" for rounds in by_scenario(outcomes)]
    for rounds in by_scenario(outcomes):
        slowest = max(rounds, key=lambda each: math.inf if each.fresh_seconds is None else each.fresh_seconds)
        lines += [
            "",
            f"## {slowest.scenario}",
            "",
            f"Begun {slowest.phase_seconds} s after a refresh; ticks with trouble: {slowest.failed_ticks}.",
            "",
        ]
        lines += [f"- {state}" for state in slowest.states] or ["No stream changed its state."]
    return "\n".join(lines) + "\n"


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """The table on the terminal."""
    table = Table(*COLUMNS, title="The data path through the venue's faults (wall seconds)")
    for rounds in by_scenario(outcomes):
        table.add_row(*row(rounds))
    console.print(table)


def main() -> int:
    """Run all scenarios, show and keep the figures; 1 if a limit was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, default=5, help="scenarios side by side")
    parser.add_argument("--only", default="", help="those whose name contains this")
    parser.add_argument("--rounds", type=int, default=1, help="how often, at other moments of the refresh's cadence")
    parser.add_argument("--seed", type=int, default=11347, help="of the moments at which faults begin")
    options = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.name]
    if not chosen:
        parser.error(f"no scenario's name contains {options.only!r}")
    begun, now = time.monotonic(), datetime.now(UTC)
    with running_postgres() as server:
        outcomes, broken = _run_all(trials_of(chosen, options.rounds, options.seed), server, options.at_once)
    about = (
        f"`make faults`, {now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, {options.at_once} scenarios at "
        f"once, {time.monotonic() - begun:.0f} s in all. Three symbols of a synthetic market at 20 times the speed of "
        f"life (60 in the outage: a minute stands for an hour), refreshed every {Pace().cadence_seconds:.0f} s, all "
        f"limits as in settings.toml. Each fault begins at a random moment between two refreshes (seed "
        f"{options.seed}); rounds: {options.rounds}, times are their median and the worst. Owed: noticed within "
        f"{DETECTION_LIMIT_SECONDS:.0f} s, fresh prices within one refresh, no row lost, doubled or wrong."
    )
    console = Console(width=200)
    if outcomes:
        show(console, outcomes)
    measured = [{**asdict(outcome), "problems": outcome.problems} for outcome in outcomes]
    figures = {"at_once": options.at_once, "rounds": options.rounds, "seed": options.seed}
    file = keep("faults", {**figures, "measured": measured, "broken": broken}, console)
    file.with_suffix(".md").write_text(as_markdown(outcomes, about))
    for trial, trouble in broken.items():
        console.print(f"{trial}: broke off, {trouble}")
    return 1 if broken or any(outcome.problems for outcome in outcomes) else 0


def _run_all(trials: Sequence[Trial], server: PostgresServer, at_once: int) -> tuple[list[Outcome], dict[str, str]]:
    """Outcomes, and why trials without one broke off."""
    # a process of its own for each trial: its connections to the server end with it
    context = multiprocessing.get_context("spawn")
    with ExitStack() as databases, ProcessPoolExecutor(at_once, context, max_tasks_per_child=1) as pool:
        running = [pool.submit(measure, each, databases.enter_context(server.database())) for each in trials]
        broken = {
            f"{trial.scenario.name} ({trial.pace.phase:.2f})": str(trouble)
            for trial, each in zip(trials, running, strict=True)
            if (trouble := each.exception()) is not None
        }
        return [each.result() for each in running if each.exception() is None], broken


if __name__ == "__main__":
    sys.exit(main())
