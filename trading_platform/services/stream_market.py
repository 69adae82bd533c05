"""Listen to the venue's streams: store what they bring, notice when they fall silent, and bring them back."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

import structlog

from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.recovery import Patience, RecoveryLadder, RecoveryStep
from trading_platform.domain.stream import StreamChange, StreamState, StreamStatus
from trading_platform.domain.stream_event import (
    BookTop,
    CandleUpdate,
    Disconnected,
    Malformed,
    StreamEvent,
    TradePrint,
)
from trading_platform.domain.symbol_watch import Instant, SymbolWatch, WatchLimits
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.ports.market_stream import MarketStream
from trading_platform.ports.series_store import SeriesStore
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform.services.malformed_log import MalformedLog
from trading_platform.services.relieve_streams import StreamRelief
from trading_platform.services.stream_buffer import ClosedCandle, StreamBuffer, store_candles, store_prices
from trading_platform.services.stream_order import Novelty, StreamOrder
from trading_platform.settings import StreamSettings

LOOK_SECONDS = 0.5
_JUMP_SECONDS = 5.0
_MOST_UNRECORDED = 500
_SHORTEST_FLUSH_SECONDS = 0.1
_STOP_SECONDS = 1.0
_GONE = (StreamState.CONNECTING, StreamState.STALE)

log = structlog.get_logger()


class StreamEnd(Enum):
    """Why listening ended."""

    STOPPED = "stopped"
    RESTART = "only a new process is left to try"


@dataclass
class _Line:
    """All that belongs to one symbol."""

    watch: SymbolWatch
    ladder: RecoveryLadder
    order: StreamOrder = field(default_factory=StreamOrder)
    duplicates: int = 0
    out_of_order: int = 0
    malformed: int = 0
    reconnects: int = 0
    trades: int = 0
    last_trade_at: datetime | None = None


async def stream_market(
    stream: MarketStream,
    store: SeriesStore,
    journal: StreamJournal,
    clock: Clock,
    settings: StreamSettings,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    stop: asyncio.Event,
    *,
    serve_by_rest: Callable[[], object] | None = None,
    monotonic_seconds: Callable[[], float] = time.monotonic,
) -> StreamEnd:
    """Listen until told to stop, or until only a new process is left to try.

    Store, journal and clock are used from threads: they block, and listening must not.

    Parameters
    ----------
    stop
        Set it to end; the states become CLOSED.
    serve_by_rest
        Called from a thread when a stream goes, so that its symbol needn't wait for the next refresh.
    monotonic_seconds
        What ages are measured on.
    """
    service = _StreamService(
        stream, store, journal, clock, settings, symbols, intervals, serve_by_rest, monotonic_seconds
    )
    return await service.run(stop)


class _StreamService:
    def __init__(
        self,
        stream: MarketStream,
        store: SeriesStore,
        journal: StreamJournal,
        clock: Clock,
        settings: StreamSettings,
        symbols: Sequence[str],
        intervals: Sequence[Interval],
        serve_by_rest: Callable[[], object] | None,
        monotonic_seconds: Callable[[], float],
    ) -> None:
        self._stream, self._store, self._journal, self._clock = stream, store, journal, clock
        self._settings, self._intervals, self._monotonic_seconds = settings, tuple(intervals), monotonic_seconds
        self._buffer = StreamBuffer(settings.buffered_candles)
        self._unrecorded: deque[StreamStatus] = deque(maxlen=_MOST_UNRECORDED)
        self._candle_came, self._state_changed = asyncio.Event(), asyncio.Event()
        self._relief = StreamRelief(serve_by_rest, self._is_any_gone) if serve_by_rest else None
        self._venue: VenueTime | None = None
        self._malformed = MalformedLog()
        self._end = StreamEnd.STOPPED
        limits = WatchLimits(settings.silence_seconds, settings.candle_grace_seconds)
        patience = Patience(
            settings.first_recovery_wait_seconds,
            settings.longest_recovery_wait_seconds,
            settings.restart_after_seconds,
        )
        watched = self._intervals if stream.carries_candles else ()
        now = self._now()
        self._wall_minus_monotonic = now.wall.timestamp() - now.seconds
        self._lines = {
            symbol: _Line(SymbolWatch(symbol, watched, limits, now), RecoveryLadder(patience, random.random))
            for symbol in symbols
        }
        for line in self._lines.values():
            self._unrecorded.append(self._status(line))

    async def run(self, stop: asyncio.Event) -> StreamEnd:
        jobs = [self._listen(), self._keep_writing(), self._keep_recording(), self._keep_watching(stop)]
        tasks = [asyncio.create_task(job) for job in jobs + ([self._relief.run()] if self._relief else [])]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            for task in tasks:
                if task.done():
                    task.result()  # a defect of ours ends the process: it is started anew
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
            await self._say_goodbye()
        return self._end

    async def _listen(self) -> None:
        async for event in self._stream.events():
            self._take(event)

    def _take(self, event: StreamEvent) -> None:
        if isinstance(event, Malformed):
            for symbol in event.symbols:
                self._lines[symbol].malformed += 1
            self._malformed.add(event.symbols, event.why, self._monotonic_seconds())
        elif isinstance(event, Disconnected):
            for symbol in event.symbols:
                line = self._lines[symbol]
                line.reconnects += 1
                line.order.forget()
                self._buffer.forget_last(symbol)
                self._note(line, line.watch.disconnected(self._now(), event.why))
        else:
            self._take_data(self._lines[event.symbol], event)

    def _take_data(self, line: _Line, event: BookTop | TradePrint | CandleUpdate) -> None:
        now = self._now()
        if isinstance(event, CandleUpdate) and self._is_from_the_future(event, now):
            self._take(
                Malformed((event.symbol,), f"a candle that opens at {event.candle.open_time:%Y-%m-%d %H:%M} UTC")
            )
            return
        novelty = line.order.judge(event)
        line.duplicates += novelty is Novelty.DUPLICATE
        line.out_of_order += novelty is Novelty.OUT_OF_ORDER
        if isinstance(event, CandleUpdate):
            self._take_candle(line, event, novelty, now)
        elif novelty is not Novelty.NEW:
            return  # it tells what was so before
        elif isinstance(event, TradePrint):
            self._buffer.put_last(event.symbol, event.price)
            line.watch.data_arrived(now)
            line.trades, line.last_trade_at = line.trades + 1, now.wall
        else:
            self._buffer.put_top(event)
            self._note(line, line.watch.price_arrived(now))

    def _take_candle(self, line: _Line, event: CandleUpdate, novelty: Novelty, now: Instant) -> None:
        if novelty is Novelty.NEW:
            self._buffer.put_last(event.symbol, event.candle.close)
            self._note(
                line,
                line.watch.candle_arrived(event.interval, event.candle.open_time, now, is_closed=event.is_closed),
            )
        # a closed candle that comes late is stored all the same: the store replaces what differs, and shows it
        if event.is_closed and novelty is not Novelty.DUPLICATE:
            self._buffer.put_candle(ClosedCandle(event.symbol, event.interval, event.candle, event.received_at))
            self._candle_came.set()

    def _is_from_the_future(self, event: CandleUpdate, now: Instant) -> bool:
        """Beyond the next candle, by the venue's clock as it was last read: believed, it would make all others late."""
        if self._venue is None or self._venue.speed == 0:
            return False
        passed = self._venue.venue_seconds(max(0.0, (now.wall - self._venue.wall).total_seconds()))
        latest = self._venue.now + timedelta(seconds=passed) + 2 * event.interval.length
        return event.candle.open_time > latest

    async def _keep_writing(self) -> None:
        while True:
            await _wait_for(self._candle_came, self._settings.flush_seconds)
            try:
                await self._write()
            except (RetryLater, FixSettings) as trouble:  # a store that refuses as well: the account's news goes on
                waiting, dropped = len(self._buffer.candles()), self._buffer.dropped_candles
                log.warning("stream_not_stored", why=str(trouble), waiting_candles=waiting, dropped_candles=dropped)
                await asyncio.sleep(self._settings.flush_seconds)
            await asyncio.sleep(_SHORTEST_FLUSH_SECONDS)

    async def _write(self) -> None:
        if candles := self._buffer.candles():
            stored = await asyncio.to_thread(store_candles, self._store, candles)
            self._buffer.candles_stored(stored)
        if prices := self._buffer.prices():
            await asyncio.to_thread(store_prices, self._store, self._clock, prices)
            self._buffer.prices_stored(prices)

    async def _keep_recording(self) -> None:
        while True:
            try:
                await self._record()
            except RetryLater as trouble:
                log.warning("stream_states_not_recorded", why=str(trouble))
                await asyncio.sleep(self._settings.flush_seconds)
            await _wait_for(self._state_changed, self._settings.heartbeat_seconds)

    async def _record(self) -> None:
        """Every change since the last time, in order, then the newest word on each symbol."""
        changes = list(self._unrecorded)
        newest = [self._status(line) for line in self._lines.values()]
        await asyncio.to_thread(self._journal.record, [*changes, *newest])
        while self._unrecorded and self._unrecorded[0] in changes:
            self._unrecorded.popleft()

    async def _keep_watching(self, stop: asyncio.Event) -> None:
        every_seconds = min(LOOK_SECONDS, self._settings.silence_seconds / 4)
        while True:
            before = self._now()
            await _wait_for_stop(stop, every_seconds)
            if stop.is_set():
                return
            await self._notice_interruption(before, self._now())
            self._malformed.look(self._monotonic_seconds())
            await self._read_venue_clock()
            for line in self._lines.values():
                self._note(line, line.watch.look(self._now(), self._venue))
            if await self._recover() is StreamEnd.RESTART:
                self._end = StreamEnd.RESTART
                return

    async def _notice_interruption(self, before: Instant, now: Instant) -> None:
        """The computer slept, or this process was stopped: connections are dead, and nobody has told us.

        Only the wall clock goes on while a computer sleeps; both do while a process is stopped.
        """
        passed = now.seconds - before.seconds
        wall_minus_monotonic = now.wall.timestamp() - now.seconds
        jump, self._wall_minus_monotonic = wall_minus_monotonic - self._wall_minus_monotonic, wall_minus_monotonic
        slept = max(jump, passed - LOOK_SECONDS)
        if slept < _JUMP_SECONDS:
            return
        why = f"nothing ran for {slept:.0f} s (the computer slept?): connecting anew"
        for symbol, line in self._lines.items():
            line.order.forget()
            self._buffer.forget_last(symbol)
            self._note(line, line.watch.interrupted(now, why))
        await self._stream.new_client()

    async def _read_venue_clock(self) -> None:
        try:
            self._venue = await asyncio.to_thread(self._clock.read)
        except RetryLater:
            self._venue = None  # then no candle is called late; prices are judged all the same

    async def _recover(self) -> StreamEnd | None:
        stale = {symbol: line for symbol, line in self._lines.items() if line.watch.is_stale}
        now = self._now()
        due: dict[RecoveryStep, list[str]] = {}
        for symbol, line in stale.items():
            step = line.ladder.due(now.seconds, all_silent=len(stale) == len(self._lines))
            if step is not None:
                due.setdefault(step, []).append(symbol)
        for step, symbols in due.items():
            log.warning("stream_recovery", step=step.name.lower(), symbols=symbols)
            for symbol in symbols:
                self._lines[symbol].watch.treated(step.value)
                self._lines[symbol].order.forget()
        if RecoveryStep.RESTART in due:
            return StreamEnd.RESTART
        if RecoveryStep.NEW_CLIENT in due:
            await self._stream.new_client()
        else:
            if silent := due.get(RecoveryStep.NEW_SOCKET):
                await self._stream.new_socket(silent)
            if silent := due.get(RecoveryStep.RESUBSCRIBE):
                await self._stream.resubscribe(silent)
        return None

    async def _say_goodbye(self) -> None:
        """States become CLOSED; a restart is no end, so they stay as they are."""
        now = self._now()
        self._malformed.look(now.seconds, is_end=True)
        if self._end is StreamEnd.STOPPED:
            for line in self._lines.values():
                self._note(line, line.watch.closed(now, "the stream process was stopped"))
        await self._stream.close()
        for last_thing in (self._write(), self._record()):
            try:
                await asyncio.wait_for(last_thing, _STOP_SECONDS)
            except (RetryLater, TimeoutError) as trouble:
                log.warning("stream_end_not_recorded", why=str(trouble) or "no answer in time")

    def _note(self, line: _Line, change: StreamChange | None) -> None:
        if change is None:
            return
        log.info(
            "stream_state",
            symbol=change.symbol,
            before=change.before,
            after=change.after,
            reason=change.reason,
        )
        if change.after is StreamState.LIVE:
            line.ladder.recovered()
        elif self._relief is not None:
            self._relief.call()
        self._unrecorded.append(self._status(line))
        self._state_changed.set()

    def _is_any_gone(self) -> bool:
        return any(line.watch.state in _GONE for line in self._lines.values())

    def _status(self, line: _Line) -> StreamStatus:
        watch = line.watch
        return StreamStatus(
            symbol=watch.symbol,
            state=watch.state,
            reason=watch.reason,
            since=watch.since,
            last_event_at=watch.last_event_at,
            heartbeat_at=self._clock.wall(),
            duplicates=line.duplicates,
            out_of_order=line.out_of_order,
            malformed=line.malformed,
            reconnects=line.reconnects,
            trades=line.trades,
            last_trade_at=line.last_trade_at,
        )

    def _now(self) -> Instant:
        return Instant(self._clock.wall(), self._monotonic_seconds())


async def report_no_stream(
    journal: StreamJournal,
    clock: Clock,
    settings: StreamSettings,
    symbols: Sequence[str],
    why: str,
    stop: asyncio.Event,
) -> None:
    """Say, until told to stop, that there is nothing to listen to: that REST serves everything is no failure then."""
    since = clock.wall()
    while not stop.is_set():
        closed = [StreamStatus(symbol, StreamState.CLOSED, why, since, None, clock.wall()) for symbol in symbols]
        try:
            await asyncio.to_thread(journal.record, closed)
        except RetryLater as trouble:
            log.warning("stream_states_not_recorded", why=str(trouble))
        await _wait_for_stop(stop, settings.heartbeat_seconds)


async def _wait_for(event: asyncio.Event, longest_seconds: float) -> None:
    await _wait_for_stop(event, longest_seconds)
    event.clear()


async def _wait_for_stop(event: asyncio.Event, longest_seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), longest_seconds)
    except TimeoutError:
        return
