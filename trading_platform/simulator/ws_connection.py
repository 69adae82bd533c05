"""One WebSocket of the simulated exchange: bounded sending, strict receiving, and the faults of sockets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiohttp import WSMsgType, web

from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.http_answers import reset_connection

log = structlog.get_logger(__name__)

STREAM_CHANNEL = "stream"
API_CHANNEL = "ws-api"
_POLICY_VIOLATION = 1008
_FREEZE_POLL_SECONDS = 0.1
_MAX_QUEUED = 10_000


@dataclass(frozen=True)
class KeepAlive:
    """How often the server pings, and how long it waits for any sign of the client's life."""

    ping_seconds: float = 20.0
    pong_timeout_seconds: float = 60.0


class Connection:
    """A WebSocket that never blocks whoever sends on it.

    Parameters
    ----------
    channel
        `STREAM_CHANNEL` or `API_CHANNEL`; faults may mean only one of them.
    messages_per_second
        Incoming messages, pings and pongs allowed; a client beyond it is disconnected.
    """

    def __init__(
        self,
        context: ServerContext,
        request: web.Request,
        channel: str,
        messages_per_second: int,
        keep_alive: KeepAlive,
    ) -> None:
        self.channel = channel
        self.socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20)
        self._context = context
        self._request = request
        self._keep_alive = keep_alive
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MAX_QUEUED)
        self._arrivals: deque[float] = deque(maxlen=messages_per_second + 1)
        self._last_seen = time.monotonic()

    async def run(self, on_text: Callable[[str], None]) -> web.WebSocketResponse:
        """Serve the socket until either side ends it."""
        await self.socket.prepare(self._request)
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._ping())]
        try:
            await self._read(on_text)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.socket

    def send(self, payload: bytes) -> None:
        """Queue a text frame; a client too slow to take its frames is cut off."""
        delay = self._context.faults.take("delay", channel=self.channel, endpoint=None)
        due = time.monotonic() + (delay.delay_seconds if delay is not None else 0.0)
        try:
            self._queue.put_nowait((due, payload))
        except asyncio.QueueFull:
            log.warning("websocket_too_slow", channel=self.channel, queued=_MAX_QUEUED)
            self.reset()

    async def close(self, code: int) -> None:
        """Close with a code; 0 resets the TCP connection."""
        if code == 0:
            self.reset()
        else:
            await self.socket.close(code=code, drain=False)

    def reset(self) -> None:
        reset_connection(self._request)

    async def _read(self, on_text: Callable[[str], None]) -> None:
        async for message in self.socket:
            self._last_seen = time.monotonic()
            if self._too_many_messages():
                await self.socket.close(code=_POLICY_VIOLATION, message=b"Too many requests")
                return
            if message.type is WSMsgType.PING:
                if not self._frozen():
                    await self._send_frame(message.data, WSMsgType.PONG)
            elif message.type is WSMsgType.TEXT:
                on_text(message.data)
            elif message.type is not WSMsgType.PONG:
                return

    async def _write(self) -> None:
        while True:
            due, payload = await self._queue.get()
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            while self._frozen():
                await asyncio.sleep(_FREEZE_POLL_SECONDS)
            await self._send_frame(payload, WSMsgType.TEXT)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._keep_alive.ping_seconds)
            if time.monotonic() - self._last_seen > self._keep_alive.pong_timeout_seconds:
                self.reset()
                return
            if not self._frozen():
                stamp = str(self._context.server_time_ms()).encode()
                await self._send_frame(stamp, WSMsgType.PING)

    async def _send_frame(self, payload: bytes, kind: WSMsgType) -> None:
        with contextlib.suppress(ConnectionError):  # the reading side ends the connection
            await self.socket.send_frame(payload, kind)

    def _frozen(self) -> bool:
        return self._context.faults.find("freeze", channel=self.channel) is not None

    def _too_many_messages(self) -> bool:
        now = time.monotonic()
        self._arrivals.append(now)
        return len(self._arrivals) == self._arrivals.maxlen and now - self._arrivals[0] < 1.0
