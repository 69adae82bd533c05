"""Handshakes, and all open WebSockets: what a fault does to them the moment it's set."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.faults import Fault
from trading_platform.simulator.http_answers import error_answer, html_answer, reset_connection, status_answer
from trading_platform.simulator.ws_api import ApiProtocol
from trading_platform.simulator.ws_connection import API_CHANNEL, STREAM_CHANNEL, Connection, KeepAlive
from trading_platform.simulator.ws_hub import StreamHub, Subscriber
from trading_platform.simulator.ws_streams import StreamProtocol
from trading_platform.simulator.ws_user_data import USER_DATA, UserDataHub

_API_MESSAGES_PER_SECOND = 1_000
_GOING_AWAY = 1001
_CLOSE_TIMEOUT_SECONDS = 0.5


class Sockets:
    """Opens, knows and closes WebSockets."""

    def __init__(self, context: ServerContext, keep_alive: KeepAlive) -> None:
        self.hub = StreamHub(context)
        self.users = UserDataHub(context)
        self._context = context
        self._keep_alive = keep_alive
        self._open: set[Connection] = set()
        self._closings: set[asyncio.Task[None]] = set()

    async def serve_streams(self, request: web.Request, names: list[str], *, combined: bool) -> web.StreamResponse:
        """A public stream socket, from handshake to end."""
        refusal = self._refuse(request, STREAM_CHANNEL)
        if refusal is not None:
            return refusal
        limit = self._context.limits.incoming_messages_per_second
        connection = Connection(self._context, request, STREAM_CHANNEL, limit, self._keep_alive)
        subscriber = Subscriber(connection, combined)
        protocol = StreamProtocol(self._context, self.hub, subscriber)
        self._open.add(connection)
        protocol.begin(names)
        try:
            return await connection.run(protocol.receive)
        finally:
            self._open.discard(connection)
            self.hub.leave(subscriber)

    async def serve_api(self, request: web.Request) -> web.StreamResponse:
        """A WS-API socket, from handshake to end."""
        refusal = self._refuse(request, API_CHANNEL)
        if refusal is not None:
            return refusal
        connection = Connection(self._context, request, API_CHANNEL, _API_MESSAGES_PER_SECOND, self._keep_alive)
        protocol = ApiProtocol(self._context, self.users, connection, request.remote or "")
        self._open.add(connection)
        try:
            return await connection.run(protocol.receive)
        finally:
            self._open.discard(connection)
            self.users.leave(connection)

    def on_fault(self, fault: Fault) -> None:
        """Act on the open sockets if the fault is one that strikes at once."""
        if fault.kind == "drop":
            if fault.stream == USER_DATA:
                self.users.terminate_all()
            else:
                self._drop(fault.channel, fault.close_code)
            self._context.faults.remove(fault.id)
        elif fault.kind == "outage":
            self._drop(None, _GOING_AWAY)

    async def close(self) -> None:
        """Close everything, without waiting long for anyone."""
        self.users.close()
        await self.hub.close()
        self._drop(None, _GOING_AWAY)
        if self._closings:
            await asyncio.wait(self._closings, timeout=_CLOSE_TIMEOUT_SECONDS)

    def _drop(self, channel: str | None, close_code: int) -> None:
        for connection in [c for c in self._open if channel in (None, c.channel)]:
            task = asyncio.create_task(self._close_one(connection, close_code))
            self._closings.add(task)
            task.add_done_callback(self._closings.discard)

    async def _close_one(self, connection: Connection, close_code: int) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(connection.close(close_code), _CLOSE_TIMEOUT_SECONDS)

    def _refuse(self, request: web.Request, channel: str) -> web.Response | None:
        faults = self._context.faults
        if faults.take("outage") is not None:
            return html_answer(503)
        refusal = faults.take("refuse", channel=channel)
        if refusal is not None:
            if refusal.status:
                return status_answer(refusal)
            reset_connection(request)
            return web.Response()
        try:
            self._context.requests.admit_connection(request.remote or "", self._context.server_time_ms())
        except ExchangeError as error:
            return error_answer(error, {})
        return None
