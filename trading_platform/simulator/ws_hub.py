"""Who listens to which public stream, and the one timer that feeds them. Nobody listening costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.model import Book
from trading_platform.simulator.ws_connection import Connection
from trading_platform.simulator.ws_feeds import DepthFeed, Feed, open_feed

log = structlog.get_logger(__name__)

_CANDLE_CLOSE_SLACK_SECONDS = 0.01


@dataclass(eq=False)
class Subscriber:
    """A socket and how it wants its payloads: raw, or wrapped with the stream's name."""

    connection: Connection
    combined: bool
    streams: list[str] = field(default_factory=list)


@dataclass
class _Channel:
    feed: Feed
    subscribers: list[Subscriber] = field(default_factory=list)
    due: float = 0.0
    held_back: object | None = None


class StreamHub:
    """Feeds and their subscribers."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._channels: dict[str, _Channel] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, subscriber: Subscriber, name: str) -> bool:
        """Begin a stream; false if the exchange has none of that name."""
        channel = self._channels.get(name)
        if channel is None:
            feed = open_feed(self._context.exchange, name)
            if feed is None:
                return False
            channel = self._channels[name] = _Channel(feed)
        if subscriber not in channel.subscribers:
            channel.subscribers.append(subscriber)
            subscriber.streams.append(name)
            self._publish(channel.feed, _payloads(channel.feed.snapshot), [subscriber])
        self._start()
        return True

    def unsubscribe(self, subscriber: Subscriber, name: str) -> None:
        """End a stream; unknown ones are ignored, as on the exchange."""
        channel = self._channels.get(name)
        if channel is None or subscriber not in channel.subscribers:
            return
        channel.subscribers.remove(subscriber)
        subscriber.streams.remove(name)
        if not channel.subscribers:
            del self._channels[name]

    def leave(self, subscriber: Subscriber) -> None:
        """The socket is gone."""
        for name in list(subscriber.streams):
            self.unsubscribe(subscriber, name)

    def publish_now(self) -> None:
        """The market jumped (a step): tell everyone at once."""
        for channel in list(self._channels.values()):
            self._poll(channel)

    def book_for_rest(self, symbol: str, limit: int) -> Book:
        """The book as of this instant, and the same one that depth streams continue from.

        A client joins a REST snapshot to the stream by update id; a snapshot between two polls of the
        stream could hold levels which no later change would remove.
        """
        for channel in self._channels.values():
            if isinstance(channel.feed, DepthFeed) and channel.feed.symbol == symbol:
                self._poll(channel)
                book = channel.feed.current_book
                return book._replace(bids=book.bids[:limit], asks=book.asks[:limit])
        return self._context.exchange.book(symbol, limit)

    async def close(self) -> None:
        """Stop the timer."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _start(self) -> None:
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(_report_failure)

    async def _run(self) -> None:
        while self._channels:
            now = time.monotonic()
            for channel in list(self._channels.values()):
                if channel.due <= now:
                    self._poll(channel)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._seconds_to_next_poll())

    def _seconds_to_next_poll(self) -> float:
        due = min((channel.due for channel in self._channels.values()), default=0.0)
        return max(0.0, due - time.monotonic())

    def _poll(self, channel: _Channel) -> None:
        channel.due = time.monotonic() + min(channel.feed.period_seconds, self._seconds_to_candle_close())
        self._publish(channel.feed, _payloads(channel.feed.poll), channel.subscribers)

    def _seconds_to_candle_close(self) -> float:
        """Wall seconds until the next base candle closes, so that its event goes out at once."""
        state = self._context.exchange.clock_state()
        if state.finished or state.speed <= 0 or state.base_interval_ms <= 0:
            return float("inf")
        left_ms = state.base_interval_ms - state.now_ms % state.base_interval_ms
        return max(left_ms / state.speed / 1_000, 0.05) + _CANDLE_CLOSE_SLACK_SECONDS

    def _publish(self, feed: Feed, payloads: list[object], subscribers: list[Subscriber]) -> None:
        for payload in self._repeated(feed, self._swapped(feed, payloads)):
            audible = self._unmuted(feed, payload)
            if audible is None:
                continue
            raw = json.dumps(audible, separators=(",", ":"))
            wrapped = f'{{"stream":"{feed.name}","data":{raw}}}'
            for subscriber in list(subscribers):
                self._deliver(feed, subscriber, wrapped if subscriber.combined else raw)

    def _repeated(self, feed: Feed, payloads: list[object]) -> list[object]:
        repeated = []
        for payload in payloads:
            is_doubled = self._context.faults.take("duplicate", stream=feed.kind, symbol=feed.symbol) is not None
            repeated += [payload, payload] if is_doubled else [payload]
        return repeated

    def _swapped(self, feed: Feed, payloads: list[object]) -> list[object]:
        """Each pair of payloads the other way round; one without a partner waits for the next poll."""
        channel = self._channels.get(feed.name)
        if channel is None:
            return payloads
        swapped: list[object] = []
        for payload in payloads:
            if channel.held_back is not None:
                swapped += [payload, channel.held_back]
                channel.held_back = None
            elif self._context.faults.take("reorder", stream=feed.kind, symbol=feed.symbol) is not None:
                channel.held_back = payload
            else:
                swapped.append(payload)
        return swapped

    def _deliver(self, feed: Feed, subscriber: Subscriber, text: str) -> None:
        fault = self._context.faults.take("malformed", stream=feed.kind, symbol=feed.symbol, endpoint=None)
        subscriber.connection.send(text.encode() if fault is None else corrupt(text, fault.shape or ""))

    def _unmuted(self, feed: Feed, payload: object) -> object | None:
        """What is left of a payload after mutes; all-market arrays lose the muted symbols only."""
        faults = self._context.faults
        if isinstance(payload, list):
            kept = [p for p in payload if faults.find("mute", stream=feed.kind, symbol=p["s"]) is None]
            return kept or None
        return payload if faults.take("mute", stream=feed.kind, symbol=feed.symbol) is None else None


def _report_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("stream_timer_failed", exc_info=error)


def _payloads(source: Callable[[], list[object]]) -> list[object]:
    """What a feed has to say; nothing while the exchange can't serve its symbol."""
    try:
        return source()
    except ExchangeError as error:
        log.debug("feed_unavailable", code=error.code, reason=error.message)
        return []


def corrupt(text: str, shape: str) -> bytes:
    """A broken form of a frame."""
    bodies = {
        "truncated": text[: len(text) // 2].encode(),
        "empty": b"",
        "html": b"<html></html>",
        "not_utf8": b"\xff\xfe" + text.encode(),
        "empty_list": b"[]",
        "no_symbol": b'{"e":"24hrMiniTicker","E":0,"c":"0"}',
    }
    return bodies[shape]
