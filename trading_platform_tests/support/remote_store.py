"""A remote store that can be told to be silent, slow or unwilling, and counts what reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
from trading_platform.adapters.store_guard import StoreGuard
from trading_platform.domain.errors import RefusedByStore, RetryLater
from trading_platform.ports.series_store import SeriesStore
from trading_platform.ports.store_spool import Spooled
from trading_platform_tests.fakes.store_spool import FakeReplay, FakeStoreSpool

WRITES = ("write_candles", "write_batches", "record_gaps", "write_tickers", "write_indicators", "save_metrics")


class RemoteStore:
    """Fills the role `SeriesStore` by another one, as far as it is in the mood.

    Parameters
    ----------
    before_answer, after_answer
        Called with the method's name, before and after the store does it.
    """

    def __init__(self, store: SeriesStore) -> None:
        self.store = store
        self.is_down = False
        self.takes_writes = True
        self.refuses: Callable[[str, tuple[Any, ...]], bool] = lambda name, arguments: False
        self.before_answer: Callable[[str], None] = lambda name: None
        self.after_answer: Callable[[str], None] = lambda name: None
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        def call(*arguments: Any, **more: Any) -> Any:
            self.calls.append(name)
            if self.is_down or (name in WRITES and not self.takes_writes):
                raise RetryLater("the store can't be reached")
            if self.refuses(name, arguments):
                raise RefusedByStore("the store doesn't take that")
            self.before_answer(name)
            answer = method(*arguments, **more)
            self.after_answer(name)
            return answer

        return call


class HeldSpool(FakeStoreSpool):
    """Lets nothing go until it is told to, as if each process thought that another one were sending."""

    is_held = True

    @contextmanager
    def replaying(self) -> Iterator[FakeReplay]:
        with super().replaying() as replay:
            yield _Held(self) if self.is_held else replay


class _Held(FakeReplay):
    def first(self) -> Sequence[Spooled]:
        return []


class WaitingStore(SpoolingSeriesStore):
    """A store whose writes all wait, while it is read; what can't wait lets them go first."""

    def __init__(self, store: SeriesStore, spool: HeldSpool) -> None:
        super().__init__(store, spool, StoreGuard("the store"))
        self._held = spool

    def prune_indicators(self, before: datetime) -> int:
        self._held.is_held = False
        return super().prune_indicators(before)

    def forget_tickers(self, beyond: datetime) -> None:
        self._held.is_held = False
        super().forget_tickers(beyond)

    def prune_metrics(self, before: datetime) -> int:
        self._held.is_held = False
        return super().prune_metrics(before)


def waiting_store(store: SeriesStore) -> WaitingStore:
    """Everything that is written waits."""
    return WaitingStore(store, HeldSpool())
