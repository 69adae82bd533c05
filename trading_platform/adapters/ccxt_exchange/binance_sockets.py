"""Binance's streams over ccxt.pro's sockets: one subscription for everything that is heard of a group of symbols."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import structlog

from trading_platform.adapters.ccxt_exchange.binance_events import Goodbye, Refused, read_message, stream_names
from trading_platform.adapters.ccxt_exchange.exact_stream import CONNECTION_FAILS, close_client, settled
from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.stream_client import Redial, StreamClient
from trading_platform.domain.candle import Interval
from trading_platform.domain.stream_event import Disconnected, Malformed, StreamEvent

MAX_STREAMS = 900
"""Per connection; the exchange allows 1024."""

_STREAMS_PER_FRAME = 100
_FRAME_PAUSE_SECONDS = 0.25  # it allows five messages a second

log = structlog.get_logger()

Emit = Callable[[StreamEvent], None]


class BinanceSockets:
    """All sockets of the stream; every symbol is on one of them."""

    def __init__(self, client: StreamClient, symbols: Sequence[str], intervals: Sequence[Interval], emit: Emit) -> None:
        self._client, self._intervals, self._emit = client, tuple(intervals), emit
        self._sockets: list[_Socket] = []
        self._open(symbols)

    async def resubscribe(self, symbols: Sequence[str]) -> None:
        """Unsubscribe, and subscribe again, where they are."""
        for socket in self._sockets:
            await socket.resubscribe([symbol for symbol in symbols if symbol in socket.symbols])

    async def new_socket(self, symbols: Sequence[str]) -> None:
        """Move these symbols to a new socket; a socket that is left without any is closed."""
        for socket in list(self._sockets):
            await socket.release(symbols)
            if not socket.symbols:
                self._sockets.remove(socket)
                await socket.stop()
        self._open(symbols)

    async def stop(self) -> None:
        """Close all."""
        await asyncio.gather(*(socket.stop() for socket in self._sockets))
        self._sockets.clear()

    def _open(self, symbols: Sequence[str]) -> None:
        most = max(1, MAX_STREAMS // (2 + len(self._intervals)))
        for start in range(0, len(symbols), most):
            group = symbols[start : start + most]
            self._sockets.append(_Socket(self._client, self._free_number(), group, self._intervals, self._emit))

    def _free_number(self) -> int:
        """Two sockets of one number would be one connection, and only the younger would hear it."""
        taken = {socket.number for socket in self._sockets}
        return next(number for number in count() if number not in taken)


class _Socket:
    """One connection, made again whenever it ends."""

    def __init__(
        self, client: StreamClient, number: int, symbols: Iterable[str], intervals: tuple[Interval, ...], emit: Emit
    ) -> None:
        self.symbols = list(symbols)
        self._client, self._intervals, self._emit = client, intervals, emit
        self.number = number
        self._request_ids = count(1)
        self._wire_symbols: dict[str, str] = {}
        self._connection: Any = None
        self._end: asyncio.Future[Any] | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(_tell_if_it_failed)

    async def resubscribe(self, symbols: Sequence[str]) -> None:
        if symbols:
            await self._ask("UNSUBSCRIBE", symbols)
            await self._ask("SUBSCRIBE", symbols)

    async def release(self, symbols: Sequence[str]) -> None:
        leaving = [symbol for symbol in self.symbols if symbol in symbols]
        self.symbols = [symbol for symbol in self.symbols if symbol not in symbols]
        if leaving and self.symbols:
            await self._ask("UNSUBSCRIBE", leaving)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        redial = Redial(self._client)
        while True:
            redial.dialled()
            why = await self._connect_once()
            self._emit(Disconnected(tuple(self.symbols), why))
            await redial.pause()

    async def _connect_once(self) -> str:
        """Connect, subscribe, and listen until it ends; why it ended."""
        try:
            exchange = await self._client.exchange()
        except CONNECTION_FAILS as failure:
            return f"the exchange's markets can't be read: {failure}"
        listed = exchange.markets
        self._wire_symbols = {listed[symbol]["id"]: symbol for symbol in self._client.symbols if symbol in listed}
        if not set(self.symbols) & set(self._wire_symbols.values()):
            return f"the exchange doesn't trade {', '.join(self.symbols)}"
        url = f"{exchange.urls['api']['ws']['spot']}/{self.number}"
        exchange.taps[url] = self._take
        exchange.on_malformed[url] = self._tell_malformed
        self._end = asyncio.get_running_loop().create_future()
        try:
            return await self._listen(exchange, url)
        finally:
            connection, self._connection = self._connection, None
            self._client.note_retry_after(getattr(connection, "last_retry_after", None))
            await close_client(exchange, url)
            del exchange.taps[url], exchange.on_malformed[url]

    async def _listen(self, exchange: Any, url: str) -> str:
        assert self._end is not None
        ended: asyncio.Future[Any] = asyncio.ensure_future(settled(exchange.watch(url, "end", None, "end")))
        self._connection = connection = exchange.clients[url]
        try:
            await asyncio.wait({connection.connected, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._ask("SUBSCRIBE", self.symbols)
                await asyncio.wait({ended, self._end}, return_when=asyncio.FIRST_COMPLETED)
            if self._end.done():
                return str(self._end.result())
            return f"connection lost: {ended.result() or 'closed'}"[:200]
        finally:
            ended.cancel()

    async def _ask(self, method: str, symbols: Sequence[str]) -> None:
        """Send a request; one that can't be sent ends the connection."""
        connection = self._connection
        if connection is None or connection.closed():
            return  # whoever is being connected anew subscribes to everything
        wire = {symbol: name for name, symbol in self._wire_symbols.items()}
        names = [name for symbol in symbols if symbol in wire for name in stream_names(wire[symbol], self._intervals)]
        for start in range(0, len(names), _STREAMS_PER_FRAME):
            frame = {"method": method, "params": names[start : start + _STREAMS_PER_FRAME]}
            try:
                await connection.send({**frame, "id": next(self._request_ids)})
            except CONNECTION_FAILS as failure:
                self._finish(f"connection lost: {failure}")
                return
            await asyncio.sleep(_FRAME_PAUSE_SECONDS)

    def _take(self, message: Any) -> None:
        try:
            event = read_message(message, self._wire_symbols, datetime.now(UTC))
        except MalformedAnswer as malformed:
            self._tell_malformed(str(malformed))
            return
        if isinstance(event, Refused):
            self._finish(f"the exchange refused the subscription: {event.why}")
        elif isinstance(event, Goodbye):
            self._finish("the exchange announced that it closes the connection")
        elif event is not None and event.symbol in self.symbols:
            self._emit(event)

    def _tell_malformed(self, why: str) -> None:
        self._emit(Malformed(tuple(self.symbols), why))

    def _finish(self, why: str) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(why)


def _tell_if_it_failed(task: asyncio.Task[None]) -> None:
    """The watchdog notices the silence and opens another socket; but silence must have a reason (I6)."""
    if not task.cancelled() and task.exception() is not None:
        log.error("socket_failed", why=repr(task.exception()))
