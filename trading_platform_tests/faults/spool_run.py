"""A process that writes to a remote store through the spool, and kills itself at a step of the test's choosing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.adapters.postgres.store_spool import PostgresStoreSpool
from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
from trading_platform.adapters.store_guard import LONGEST_PAUSE_SECONDS, StoreGuard
from trading_platform.domain.candle import Candle
from trading_platform.domain.store_write import StoreWrite
from trading_platform.ports.store_spool import Replay
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle
from trading_platform_tests.support.remote_store import RemoteStore

PRELOADED = [__name__, PostgresSeriesStore.__module__]
BOUND = 1_000_000
DOWN_FROM, DOWN_UNTIL = 1, 7


def script() -> list[Candle]:
    """What is written, one by one; three of them are corrections, two of what has waited."""
    closes = [(0, "1"), (1, "2"), (0, "3"), (2, "4"), (3, "5"), (1, "6"), (4, "7"), (4, "8"), (5, "9")]
    return [candle(minute, close) for minute, close in closes]


class _Steps:
    """Counts steps of the process; the chosen one is its last."""

    def __init__(self, killed_at: int) -> None:
        self._left = killed_at

    def step(self, name: str = "") -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


class _MortalSpool(PostgresStoreSpool):
    """Steps before and after everything that it commits."""

    def __init__(self, url: str, steps: _Steps) -> None:
        engine = make_engine(url)
        super().__init__(engine, engine, BOUND)
        self._steps = steps

    def append(self, write: StoreWrite, at: datetime) -> int:
        self._steps.step()
        number = super().append(write, at)
        self._steps.step()
        return number

    @contextmanager
    def replaying(self) -> Iterator[Any]:
        with super().replaying() as replay:
            yield _MortalReplay(replay, self._steps)
            self._steps.step()  # confirmed, not committed
        self._steps.step()


class _MortalReplay:
    def __init__(self, replay: Replay, steps: _Steps) -> None:
        self._replay, self._steps = replay, steps

    def __getattr__(self, name: str) -> Any:
        self._steps.step()
        return getattr(self._replay, name)


class RemoteSite:
    """A remote store (a PostgreSQL that plays one) with the spool before it, and a clock that is set by hand."""

    def __init__(self, url: str, killed_at: int = -1) -> None:
        steps = _Steps(killed_at)
        self.base = PostgresSeriesStore(make_engine(url))
        self.remote = RemoteStore(self.base)
        self.remote.before_answer = self.remote.after_answer = steps.step
        self.spool = _MortalSpool(url, steps)
        self.seconds = 0.0
        self.store = SpoolingSeriesStore(self.remote, self.spool, StoreGuard("the store", lambda: self.seconds))


def run(url: str, killed_at: int, told: Path, first: int) -> None:
    """Write the script from that place on; each write that was accepted is noted in a file."""
    site = RemoteSite(url, killed_at)
    for place, each in enumerate(script()[first:], first):
        site.remote.is_down = DOWN_FROM <= place < DOWN_UNTIL
        site.seconds += LONGEST_PAUSE_SECONDS  # the store is tried again each time
        site.store.write_candles(SYMBOL, MINUTE, [each], source="rest", received_at=START)
        with told.open("a") as file:
            file.write(f"{place}\n")
    site.remote.is_down = False
    site.seconds += LONGEST_PAUSE_SECONDS
    assert site.store.catch_up(60)
    told.with_suffix(".done").touch()
