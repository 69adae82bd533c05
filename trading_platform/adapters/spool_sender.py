"""Sending what waits in the spool to the store it is meant for, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

import structlog

from trading_platform.adapters.store_guard import StoreGuard
from trading_platform.domain.circuit import CircuitState
from trading_platform.domain.errors import PlatformError, RefusedByStore
from trading_platform.domain.store_write import (
    CandleBatch,
    GapRecord,
    IndicatorRows,
    MetricBatch,
    StoreWrite,
    TickerBatch,
)
from trading_platform.ports.series_store import CandleWrite, SeriesStore
from trading_platform.ports.store_spool import Replay, Spooled, StoreSpool

PATIENCE_SECONDS = 3.0
SECONDS_PER_POINT = 0.002

log = structlog.get_logger()


@dataclass(frozen=True)
class _Sent:
    """What became of a write, and with it of all before it."""

    number: int
    result: CandleWrite | None = None
    refusal: RefusedByStore | None = None

    def told(self) -> CandleWrite | None:
        """For who wrote it."""
        if self.refusal:
            raise self.refusal
        return self.result


class SpoolSender:
    """What this process does for the spool: accepts its own writes, and sends whatever waits.

    Parameters
    ----------
    own_seconds
        The longest that a write goes on sending what others have left before it.
    """

    def __init__(
        self,
        store: SeriesStore,
        spool: StoreSpool,
        guard: StoreGuard,
        wall: Callable[[], datetime],
        own_seconds: float = 1.0,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._spool, self._guard = store, spool, guard
        self._wall, self._own_seconds, self._now = wall, own_seconds, monotonic_seconds

    def write(self, write: StoreWrite) -> tuple[int, CandleWrite | None]:
        """Accept a write, and try to send it; its number, and what it changed if it has reached the store.

        Raises
        ------
        RetryLater
            If the spool can't be reached or is full; the write isn't accepted then.
        RefusedByStore
            If the store will never take it: it is gone from the spool.
        """
        number = self._spool.append(write, self._wall())
        return number, self._send(self._own_seconds, number)

    def catch_up(self, seconds: float) -> bool:
        """Send what waits, for so long at most; whether nothing is left.

        Raises
        ------
        RetryLater
            If the spool can't be reached.
        """
        if self._spool.state().rows:
            self._send(seconds, None)
        return self._spool.state().rows == 0

    def _send(self, seconds: float, until: int | None) -> CandleWrite | None:
        """Send for so long at most, up to that number; what it changed."""
        deadline = self._now() + seconds
        try:
            while self._guard.state is not CircuitState.OPEN:
                sent = self._send_next(until)
                if until is not None and (sent is None or sent.number >= until):
                    own = sent if sent and sent.number == until else _Sent(until, self._spool.result(until))
                    return own.told()
                if sent is None or self._now() > deadline:
                    return None
        except RefusedByStore:
            raise
        except PlatformError as trouble:  # what is accepted is safe: whoever comes next goes on
            log.warning("store_spooled", why=str(trouble))
        return None

    def _send_next(self, own: int | None) -> _Sent | None:
        with self._spool.replaying() as replay:
            waiting = replay.first()
            if not waiting:
                return None
            try:
                group = _group(waiting)
                sent = _Sent(group[-1].number, self._ask_store(group))
                replay.confirm(sent.number, sent.result)
            except RefusedByStore:
                sent = self._send_alone(replay, waiting[0], is_own=waiting[0].number == own)
            return sent

    def _send_alone(self, replay: Replay, spooled: Spooled, *, is_own: bool) -> _Sent:
        """Of several that were refused together some may be taken; one that is refused alone holds up no others."""
        try:
            result = self._ask_store([spooled])
        except RefusedByStore as refusal:
            log.error("store_refuses", why=str(refusal), number=spooled.number)
            replay.refuse(spooled.number, str(refusal), is_told=is_own)
            return _Sent(spooled.number, None, refusal)
        replay.confirm(spooled.number, result)
        return _Sent(spooled.number, result)

    def _ask_store(self, group: Sequence[Spooled]) -> CandleWrite | None:
        writes = [spooled.write for spooled in group]
        points = sum(write.points for write in writes)
        with self._guard.asking(PATIENCE_SECONDS + points * SECONDS_PER_POINT):
            return _apply(self._store, writes)


def _group(waiting: Sequence[Spooled]) -> list[Spooled]:
    """The first writes that may be sent as one: candles and gaps go one by one, so that sending again changes nothing.

    Prices go together, metrics, and indicators of one series: of these the last one counts in any case.
    """
    if not waiting:
        return []
    first = waiting[0].write
    if isinstance(first, CandleBatch | GapRecord):
        return [waiting[0]]
    return list(takewhile(lambda spooled: _go_together(first, spooled.write), waiting))


def _go_together(first: StoreWrite, other: StoreWrite) -> bool:
    if isinstance(first, IndicatorRows):
        return isinstance(other, IndicatorRows) and (other.symbol, other.interval) == (first.symbol, first.interval)
    return type(other) is type(first)


def _apply(store: SeriesStore, writes: Sequence[StoreWrite]) -> CandleWrite | None:
    first = writes[0]
    if isinstance(first, CandleBatch):
        return store.write_candles(
            first.symbol, first.interval, first.candles, source=first.source, received_at=first.received_at
        )
    if isinstance(first, GapRecord):
        store.record_gaps(
            first.symbol,
            first.interval,
            first.gaps,
            start=first.start,
            end=first.end,
            confirmed_at=first.confirmed_at,
        )
    elif isinstance(first, IndicatorRows):
        rows = {
            time: values for write in writes if isinstance(write, IndicatorRows) for time, values in write.rows.items()
        }
        store.write_indicators(first.symbol, first.interval, rows)
    elif isinstance(first, MetricBatch):
        store.save_metrics([point for write in writes if isinstance(write, MetricBatch) for point in write.metrics])
    else:
        store.write_tickers([ticker for write in writes if isinstance(write, TickerBatch) for ticker in write.tickers])
    return None
