"""The proof on several processors: a database and an exchange for each, and cases for whoever is free."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.util import Finalize

import structlog

from trading_platform.adapters.postgres.migrate import upgrade
from trading_platform_tests.proof.cases import Case, Census, to_count, to_count_next
from trading_platform_tests.proof.prover import Outcome, Prover, exchange_of
from trading_platform_tests.support.postgres import running_postgres


@dataclass
class Crew:
    """Provers at work."""

    _pool: ProcessPoolExecutor
    _accounts: Iterator[str]

    def outcomes(self, cases: Iterable[tuple[int, Case]]) -> Iterator[tuple[int, Outcome]]:
        """Outcomes of numbered cases, in the order in which they come."""
        running = {self._pool.submit(_run, case, next(self._accounts)): number for number, case in cases}
        for done in as_completed(running):
            yield running[done], done.result()

    def census(self) -> Iterator[Outcome]:
        """Every scenario under every trouble that concerns it, without any death."""
        undisturbed = [outcome for _, outcome in self.outcomes(enumerate(to_count()))]
        yield from undisturbed
        yield from (outcome for _, outcome in self.outcomes(enumerate(to_count_next(census_of(undisturbed)))))


def census_of(outcomes: Sequence[Outcome]) -> Census:
    """Which points are passed, and how often, by scenario and trouble."""
    return {(outcome.case.scenario, outcome.case.trouble): outcome.passed for outcome in outcomes}


@contextmanager
def crew(workers: int, most_runs: int) -> Iterator[Crew]:
    """So many provers, for so many runs at most."""
    names = [f"run-{number:05}" for number in range(most_runs)]
    context = multiprocessing.get_context("spawn")
    urls: Queue[str] = context.Queue()
    with running_postgres() as server, ExitStack() as databases:
        for _ in range(workers):
            urls.put(databases.enter_context(server.database()))
        with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(urls, names)) as pool:
            yield Crew(pool, iter(names))


_provers: list[Prover] = []  # of this process, one


def _begin(urls: Queue[str], accounts: Sequence[str]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    url = urls.get()
    upgrade(url)
    stack = ExitStack()
    Finalize(None, stack.close, exitpriority=10)  # before the exchange's thread is waited for
    prover = Prover(url, stack.enter_context(exchange_of(accounts)))
    stack.callback(prover.close)
    _provers.append(prover)


def _run(case: Case, account: str) -> Outcome:
    return _provers[0].run(case, account)
