"""Approvals that meet at one account, from several processes with a connection each, past every lane of Dagster."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from multiprocessing.synchronize import Barrier
from typing import Any

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.domain.errors import AlreadyDone, InsufficientFree, RetryLater
from trading_platform.domain.signal import Signal
from trading_platform_tests.support.examples import decision, order, signal

PRELOADED = [__name__]
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Approval:
    """One reservation that is asked for: a number of its own, and an amount of quote."""

    account: str
    number: int
    amount: Decimal

    @property
    def about(self) -> Signal:
        """The signal that it approves."""
        return replace(signal(self.number), account=self.account)


@dataclass(frozen=True)
class Crowd:
    """How approvals come together.

    Parameters
    ----------
    processes, threads
        So many of each process, all with a connection of their own.
    """

    processes: int
    threads: int

    @property
    def at_once(self) -> int:
        """How many ask at the same time."""
        return self.processes * self.threads


def approve(url: str, asked: Sequence[Approval], crowd: Crowd) -> tuple[int, float]:
    """Ask for all of them, so many at once; how many were granted, and the seconds from first to last.

    The signals must be recorded, the money must be there.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    start: Barrier = context.Barrier(crowd.at_once)
    results: Any = context.Queue()
    runs = [
        context.Process(
            target=_ask, args=(url, asked[number :: crowd.processes], crowd.threads, start, results), daemon=True
        )
        for number in range(crowd.processes)
    ]
    for run in runs:
        run.start()
    try:
        told = [results.get(timeout=2 * _PATIENCE_SECONDS) for _ in runs]
    finally:
        for run in runs:
            run.kill()
            run.join()
    begun, ended = min(each[1] for each in told), max(each[2] for each in told)
    return sum(each[0] for each in told), ended - begun


def _ask(url: str, asked: Sequence[Approval], threads: int, start: Barrier, results: Any) -> None:
    engines = [make_engine(url, pool_size=1) for _ in range(threads)]

    def ask(number: int) -> tuple[int, float, float]:
        ledger = PostgresLedger(engines[number])
        ledger.account(asked[0].account)  # the writer's connection is opened by the first approval, the reader's here
        start.wait(_PATIENCE_SECONDS)
        begun = time.monotonic()
        granted = sum(_is_granted(ledger, each) for each in asked[number::threads])
        return granted, begun, time.monotonic()

    with ThreadPoolExecutor(threads) as pool:
        told = list(pool.map(ask, range(threads)))
    results.put((sum(each[0] for each in told), min(each[1] for each in told), max(each[2] for each in told)))


def _is_granted(ledger: PostgresLedger, asked: Approval) -> bool:
    about = asked.about
    while True:
        try:
            ledger.reserve(order(about, asked.amount), decision(about))
        except RetryLater:  # waited too long for the account's row: nothing is written, or the repeat finds it done
            continue
        except InsufficientFree:
            return False
        except AlreadyDone:
            pass
        return True
