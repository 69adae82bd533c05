"""The kill-anywhere proof: `make proof`.

First a census: every scenario under every trouble of the exchange, undisturbed, tells which commits and requests there
are. Then runs dealt by a seed: a trader is killed (SIGKILL) at one of these points, a new one is started, in some runs
killed again, and a last one runs on to the end. Afterwards ledger and exchange must be one to the last digit.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.console import Console

from benchmarks.records import keep
from trading_platform_tests.proof.cases import SCENARIOS, TROUBLES, Case, deal
from trading_platform_tests.proof.crew import Crew, census_of, crew
from trading_platform_tests.proof.kill_points import KillPoint
from trading_platform_tests.proof.prover import Outcome

Numbered = Mapping[int, Outcome]
_SHOWN_EVERY = 50
_MISSED_AGAIN = 3


def main() -> int:
    """Prove, show and keep what came of it; 1 if anything didn't agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="runs in which a trader died at its point")
    parser.add_argument("--seed", type=int, default=1, help="of the cases that are dealt")
    parser.add_argument("--only", type=int, help="this run of that seed, and no other")
    parser.add_argument("--case", type=Case.parse, help="this very case, as a report writes it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes side by side")
    options = parser.parse_args()
    console = Console(width=160, highlight=False)
    most_runs = options.runs * 2 + len(SCENARIOS) * len(TROUBLES)
    with crew(options.workers, most_runs) as provers:
        if options.case is not None:
            return _report_one(console, _one(provers, 0, options.case))
        begun = time.monotonic()
        undisturbed = list(_shown(console, enumerate(provers.census())).values())
        cases = deal(census_of(undisturbed), options.seed)
        if options.only is not None:
            case = next(islice(cases, options.only, None))
            return _report_one(console, _one(provers, options.only, case))
        console.print(f"{len(undisturbed)} undisturbed runs passed {len(_points(undisturbed))} kill points")
        killed = _kill(console, provers, enumerate(cases), options.runs)
        seconds = time.monotonic() - begun
    figures = _figures(undisturbed, killed, options.seed, seconds)
    keep("kill_proof", figures, console, as_markdown(figures))
    console.print(_summary(figures))
    return 1 if figures["failures"] or figures["points_missed"] else 0


def _kill(console: Console, provers: Crew, cases: Iterator[tuple[int, Case]], runs: int) -> dict[int, Outcome]:
    """Run cases until so many have died; one whose point wasn't passed this time is made up for."""
    killed: dict[int, Outcome] = {}
    for _ in range(_MISSED_AGAIN):
        missing = runs - sum(outcome.died > 0 for outcome in killed.values())
        killed |= _shown(console, provers.outcomes(islice(cases, missing)))
    return killed


def _one(provers: Crew, number: int, case: Case) -> Outcome:
    [(_, outcome)] = provers.outcomes([(number, case)])
    return outcome


def _report_one(console: Console, outcome: Outcome) -> int:
    console.print(f"{outcome.case}\ndied {outcome.died} times, orders {dict(outcome.orders)}, {outcome.seconds:.1f} s")
    console.print("\n".join(outcome.problems) or "the books agree")
    return 1 if outcome.problems else 0


def _shown(console: Console, outcomes: Iterator[tuple[int, Outcome]]) -> dict[int, Outcome]:
    """The same, with failures told at once and a word now and then."""
    begun, seen = time.monotonic(), {}
    for number, outcome in outcomes:
        seen[number] = outcome
        for problem in outcome.problems:
            console.print(f"run {number}: {problem}\n    {outcome.case}")
        if len(seen) % _SHOWN_EVERY == 0:
            rate = len(seen) / (time.monotonic() - begun)
            failed = sum(bool(each.problems) for each in seen.values())
            console.print(f"{len(seen)} runs, {failed} failed, {rate:.1f} a second")
    return seen


def _points(undisturbed: Sequence[Outcome]) -> set[KillPoint]:
    return {point for outcome in undisturbed for point in outcome.passed}


def _figures(undisturbed: Sequence[Outcome], killed: Numbered, seed: int, seconds: float) -> dict[str, Any]:
    deaths = Counter(str(death.point) for outcome in killed.values() for death in outcome.case.deaths[: outcome.died])
    points = sorted(map(str, _points(undisturbed)))
    orders: Counter[str] = Counter()
    for outcome in (*undisturbed, *killed.values()):
        orders.update(outcome.orders)
    failures = [(number, outcome) for number, outcome in enumerate(undisturbed, -len(undisturbed)) if outcome.problems]
    failures += [(number, outcome) for number, outcome in sorted(killed.items()) if outcome.problems]
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "undisturbed_runs": len(undisturbed),
        "runs": len(killed),
        "runs_with_a_death": sum(outcome.died > 0 for outcome in killed.values()),
        "runs_with_two_deaths": sum(outcome.died > 1 for outcome in killed.values()),
        "deaths": sum(deaths.values()),
        "points": {point: deaths[point] for point in points},
        "points_missed": [point for point in points if not deaths[point]],
        "scenarios": Counter(outcome.case.scenario for outcome in killed.values()),
        "troubles": Counter(outcome.case.trouble for outcome in killed.values()),
        "orders": orders,
        "failures": [
            {"number": number, "case": str(outcome.case), "problems": outcome.problems} for number, outcome in failures
        ],
    }


def _summary(figures: Mapping[str, Any]) -> str:
    return (
        f"{figures['deaths']} deaths in {figures['runs_with_a_death']} runs ({figures['runs_with_two_deaths']} of them "
        f"died twice) at {len(figures['points'])} kill points, {len(figures['points_missed'])} of them missed; "
        f"{sum(figures['orders'].values())} orders; {len(figures['failures'])} runs failed; "
        f"{figures['seconds'] / 60:.1f} minutes, seed {figures['seed']}"
    )


def as_markdown(figures: Mapping[str, Any]) -> str:
    """The figures for people."""
    lines = ["# Killed anywhere", "", _summary(figures) + ".", ""]
    lines += ["After each run: no orphan, no duplicate, nothing reserved, ledger and exchange equal.", ""]
    for title, counted in (("kill point", "points"), ("scenario", "scenarios"), ("trouble", "troubles")):
        unit = "deaths" if counted == "points" else "runs"
        lines += [f"| {title} | {unit} |", "|---|---:|"]
        lines += [f"| {name} | {number} |" for name, number in sorted(figures[counted].items())] + [""]
    lines += ["| orders left | number |", "|---|---:|"]
    lines += [f"| {status} | {number} |" for status, number in sorted(figures["orders"].items())] + [""]
    lines += ["## Failures", ""]
    for failure in figures["failures"]:
        lines += [f"- run {failure['number']}: `--case '{failure['case']}'`"]
        lines += [f"  - {problem}" for problem in failure["problems"]]
    return "\n".join(lines if figures["failures"] else [*lines, "None."]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
