"""Sending what waits in the spool to the store it is meant for, in order.

What waits goes in groups: as many of the first writes as can be made again as a whole without changing anything. So a
crash, or an answer that is lost, halfway through a group does no harm, whichever part of it has arrived.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from trading_platform.adapters.store_guard import StoreGuard
from trading_platform.domain.candle import Interval
from trading_platform.domain.circuit import CircuitState
from trading_platform.domain.errors import PlatformError, RefusedByStore
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricPoint
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
        self._alone_until = 0

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
            if waiting[0].number > self._alone_until:
                group = _group(waiting)
                last = group[-1].number
                try:
                    results = self._ask_store(group)
                except RefusedByStore:
                    self._alone_until = last
                else:
                    replay.confirm(last, results)
                    return _Sent(last, results.get(last))
            return self._send_alone(replay, waiting[0], is_own=waiting[0].number == own)

    def _send_alone(self, replay: Replay, spooled: Spooled, *, is_own: bool) -> _Sent:
        """Of several that were refused together some may be taken; one that is refused alone holds up no others."""
        try:
            results = self._ask_store([spooled])
        except RefusedByStore as refusal:
            log.error("store_refuses", why=str(refusal), number=spooled.number)
            replay.refuse(spooled.number, str(refusal), is_told=is_own)
            return _Sent(spooled.number, None, refusal)
        replay.confirm(spooled.number, results)
        return _Sent(spooled.number, results.get(spooled.number))

    def _ask_store(self, group: Sequence[Spooled]) -> Mapping[int, CandleWrite]:
        """What the candles changed, by number."""
        points = sum(spooled.write.points for spooled in group)
        with self._guard.asking(PATIENCE_SECONDS + points * SECONDS_PER_POINT):
            return _apply(self._store, group)


def _group(waiting: Sequence[Spooled]) -> list[Spooled]:
    """The first writes that may be sent as one.

    Of prices, indicators and metrics the last one counts in any case. A candle ends the group if the group has one of
    its time already: writing the first value again after the second would be two corrections. A record of gaps goes
    alone, since it depends on which candles are stored.
    """
    group: list[Spooled] = []
    candles: set[tuple[str, Interval, datetime]] = set()
    for spooled in waiting:
        if isinstance(spooled.write, GapRecord):
            return group or [spooled]
        if isinstance(spooled.write, CandleBatch):
            batch = spooled.write
            new = {(batch.symbol, batch.interval, candle.open_time) for candle in batch.candles}
            if new & candles:
                return group
            candles |= new
        group.append(spooled)
    return group


def _apply(store: SeriesStore, group: Sequence[Spooled]) -> Mapping[int, CandleWrite]:
    """Make the writes, each kind in one go; what the candles changed, by number."""
    first = group[0].write
    if isinstance(first, GapRecord):
        store.record_gaps(
            first.symbol,
            first.interval,
            first.gaps,
            start=first.start,
            end=first.end,
            confirmed_at=first.confirmed_at,
        )
        return {}
    batches = {spooled.number: spooled.write for spooled in group if isinstance(spooled.write, CandleBatch)}
    results = dict(zip(batches, store.write_batches([*batches.values()]), strict=True)) if batches else {}
    indicators: dict[tuple[str, Interval], dict[datetime, Mapping[str, float]]] = {}
    prices: list[Ticker] = []
    metrics: list[MetricPoint] = []
    for write in (spooled.write for spooled in group):
        if isinstance(write, IndicatorRows):
            indicators.setdefault((write.symbol, write.interval), {}).update(write.rows)
        elif isinstance(write, TickerBatch):
            prices += write.tickers
        elif isinstance(write, MetricBatch):
            metrics += write.metrics
    for series, rows in indicators.items():
        store.write_indicators(*series, rows)
    if prices:
        store.write_tickers(prices)
    if metrics:
        store.save_metrics(metrics)
    return results
