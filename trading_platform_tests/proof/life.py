"""A trader's life: cycles of the real trade flow in a process of its own, until it is quiet or killed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection

import structlog

from trading_platform.adapters.caching_series_store import CachingSeriesStore
from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.postgres.health_journal import PostgresHealthJournal
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.adapters.postgres.request_budget import PostgresRequestBudget
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.adapters.simulated_exchange.clock import SimulatedVenueClock
from trading_platform.bootstrap import Platform
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.services.trade import trade, work_waiting
from trading_platform.settings import Settings
from trading_platform_tests.proof.kill_points import KillPoint, die, watch
from trading_platform_tests.support.examples import signal

PRELOADED = [
    __name__,
    *(
        adapter.__module__
        for adapter in (
            CachingSeriesStore,
            CcxtBroker,
            PostgresHealthJournal,
            PostgresLedger,
            PostgresRequestBudget,
            PostgresSeriesStore,
            SimulatedVenueClock,
        )
    ),
]
"""Imported once, in the parent of all lives; what a life opens is opened after its birth."""

MOST_CYCLES = 40
PAUSE_SECONDS = 61.0
"""Between two cycles: beyond recv_window, and beyond the longest wait before an exit is tried again."""

_PROMPT_CYCLES = 3
_REST_SECONDS = 0.1


@dataclass(frozen=True)
class Birth:
    """What a life is given.

    Parameters
    ----------
    shift_seconds
        How far the clocks are ahead of the computer's and the venue's already.
    kill
        The point of its death and how often it passes that point before; None for a life that ends by itself.
    pause_seconds
        Real seconds before the clocks are put forward: as long as the venue may still accept a held request.
    closes
        Whether it sells everything, once it is told to, when all is quiet.
    """

    settings: Settings
    shift_seconds: float = 0.0
    kill: tuple[KillPoint, int] | None = None
    pause_seconds: float = 0.0
    closes: bool = False


@dataclass(frozen=True)
class Killed:
    """Last words."""

    shift_seconds: float


@dataclass(frozen=True)
class Quiet:
    """No work is left.

    Parameters
    ----------
    passed
        How often each point was passed.
    """

    shift_seconds: float
    passed: Mapping[KillPoint, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Restless:
    """Work was still left after so many cycles, or the life ended in an error."""

    why: str


class ForwardClock:
    """Both clocks, which can be put forward together: what has a time limit on either comes to its end."""

    def __init__(self, clock: Clock, shift_seconds: float) -> None:
        self._clock = clock
        self._shift = timedelta(seconds=shift_seconds)

    @property
    def shift_seconds(self) -> float:
        """How far it is ahead."""
        return self._shift.total_seconds()

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self._shift += timedelta(seconds=seconds)

    def wall(self) -> datetime:
        """Wall clock."""
        return self._clock.wall() + self._shift

    def read(self) -> VenueTime:
        """Both clocks."""
        reading = self._clock.read()
        return replace(reading, now=reading.now + self._shift, wall=self.wall())


def live(birth: Birth, parent: Connection) -> None:
    """Trade until no work is left, then sell everything if asked to; tell the parent of both."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    _Life(birth, parent).run()


class _Life:
    def __init__(self, birth: Birth, parent: Connection) -> None:
        self._birth, self._parent = birth, parent
        self._passed: Counter[KillPoint] = Counter()
        self._platform = Platform(birth.settings)
        self._clock = ForwardClock(self._platform.clock, birth.shift_seconds)

    def run(self) -> None:
        watch(self._passing)
        if not self._trade_until_quiet():
            return
        self._parent.send(Quiet(self._clock.shift_seconds, dict(self._passed)))
        if self._birth.closes:
            self._parent.recv()  # the books are looked at first
            self._close_everything()

    def _passing(self, point: KillPoint) -> None:
        kill = self._birth.kill
        if kill == (point, self._passed[point]):
            self._parent.send(Killed(self._clock.shift_seconds))
            die()
        self._passed[point] += 1

    def _trade_until_quiet(self) -> bool:
        platform, settings = self._platform, self._birth.settings
        desk = replace(platform.desk("proof"), clock=self._clock)
        for cycle in range(MOST_CYCLES):
            if work_waiting(platform.ledger, platform.store, self._clock, settings) is None:
                return True
            with suppress(RetryLater):  # the run fails, and its work is requested again
                trade(desk)
            time.sleep(max(self._birth.pause_seconds, _REST_SECONDS if cycle >= _PROMPT_CYCLES else 0.0))
            self._clock.forward(PAUSE_SECONDS)
        waiting = work_waiting(platform.ledger, platform.store, self._clock, settings)
        if waiting is not None:
            self._parent.send(Restless(f"still {waiting} after {MOST_CYCLES} cycles"))
        return waiting is None

    def _close_everything(self) -> None:
        account, ledger = self._birth.settings.account.name, self._platform.ledger
        for position in ledger.open_positions(account):
            newest = ledger.recent_signals(account, 1, symbol=position.symbol, strategy=position.strategy)[0]
            short = signal(0, Direction.SHORT, position.symbol, strategy=position.strategy)
            said = replace(short, account=account, candle_close=newest.candle_close + timedelta(minutes=1))
            ledger.record_signals([said], self._clock.wall())
        if self._trade_until_quiet():
            self._parent.send(Quiet(self._clock.shift_seconds))
