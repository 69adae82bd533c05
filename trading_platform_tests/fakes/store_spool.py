"""Writes to a remote store, in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.store_write import PassingWrite, SeriesWrite, StoreWrite
from trading_platform.ports.series_store import CandleWrite
from trading_platform.ports.store_spool import Spooled, SpoolState

_PASSING_SHARE = 0.8
_PATIENCE_SECONDS = 2.0
_MOST_ROWS = 500


class FakeStoreSpool:
    """Fills the role `StoreSpool`.

    Parameters
    ----------
    kept
        Confirmed writes kept.
    """

    def __init__(self, bound_points: int = 1_000_000, kept: int = 1_000) -> None:
        self._bound, self._kept = bound_points, kept
        self._rows: dict[int, tuple[StoreWrite, datetime]] = {}
        self._results: dict[int, CandleWrite] = {}
        self._last = self._confirmed = self._forgotten = 0
        self._sending = threading.Lock()
        self._changing = threading.Lock()
        self.refused: dict[int, str] = {}
        self.is_down = False

    def append(self, write: StoreWrite, at: datetime) -> int:
        """Accept a write; its number."""
        self._answer()
        with self._changing:
            bound = self._bound * (_PASSING_SHARE if isinstance(write, PassingWrite) else 1)
            if self._last and self.state().points + write.points > bound:
                raise RetryLater("the spool is full")
            self._last += 1
            self._rows[self._last] = write, at
            return self._last

    def since(
        self, number: int, *, series: tuple[str, Interval] | None = None, kind: type[StoreWrite] | None = None
    ) -> list[Spooled]:
        """Writes after that number, in order."""
        self._answer()
        if number < self._forgotten:
            raise RetryLater("some of it isn't kept any more")
        return [
            Spooled(n, write)
            for n, (write, _) in sorted(self._rows.items())
            if n > number
            and (kind is None or isinstance(write, kind))
            and (series is None or (isinstance(write, SeriesWrite) and (write.symbol, write.interval) == series))
        ]

    def result(self, number: int) -> CandleWrite | None:
        """What writing these candles changed."""
        self._answer()
        return self._results.get(number)

    @contextmanager
    def replaying(self) -> Iterator[FakeReplay]:
        """Wait a little for the right to send."""
        self._answer()
        if not self._sending.acquire(timeout=_PATIENCE_SECONDS):
            raise RetryLater("another one is sending")
        try:
            yield FakeReplay(self)
        finally:
            self._sending.release()

    def state(self) -> SpoolState:
        """How much waits."""
        self._answer()
        waiting = {n: row for n, row in list(self._rows.items()) if n > self._confirmed}
        points = sum(write.points for write, _ in waiting.values())
        oldest = min((at for _, at in waiting.values()), default=None)
        return SpoolState(self._confirmed, len(waiting), points, oldest, self._bound, len(self.refused))

    def confirm(self, through: int, results: Mapping[int, CandleWrite] | None) -> None:
        """The store has this one and all before it."""
        with self._changing:
            self._confirmed = through
            self._results |= results or {}
            for number in [n for n in self._rows if n <= through - self._kept]:
                del self._rows[number]
                self._forgotten = max(self._forgotten, number)

    def refuse(self, number: int, why: str, *, is_told: bool) -> None:
        """The store will never take this one."""
        self.confirm(number, None)
        with self._changing:
            self._rows.pop(number, None)
            if not is_told:
                self.refused[number] = why

    def _answer(self) -> None:
        if self.is_down:
            raise RetryLater("the spool can't be reached")


class FakeReplay:
    """Fills the role `Replay`."""

    def __init__(self, spool: FakeStoreSpool) -> None:
        self._spool = spool

    def first(self) -> Sequence[Spooled]:
        """The first writes that wait."""
        return self._spool.since(self._spool.state().confirmed)[:_MOST_ROWS]

    def confirm(self, through: int, results: Mapping[int, CandleWrite] | None = None) -> None:
        """The store has this one and all before it."""
        self._spool.confirm(through, results)

    def refuse(self, number: int, why: str, *, is_told: bool) -> None:
        """The store will never take this one."""
        self._spool.refuse(number, why, is_told=is_told)
