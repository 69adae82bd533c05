"""The simulated exchange's server: HTTP, WebSocket streams, WS-API and control on one loopback port."""

from __future__ import annotations

import asyncio
import math
import re
import signal
import sys
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from trading_platform.simulator import http_account, http_market, http_order_lists, http_orders
from trading_platform.simulator.build import build_exchange
from trading_platform.simulator.call import Route
from trading_platform.simulator.config import SimulatorConfig
from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.control import Control
from trading_platform.simulator.errors import SimulatorSetupError
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.http_answers import html_answer
from trading_platform.simulator.http_pipeline import answer
from trading_platform.simulator.limits import LimitSettings
from trading_platform.simulator.resting_orders import RestingOrders
from trading_platform.simulator.ws_connection import KeepAlive
from trading_platform.simulator.ws_sockets import Sockets

log = structlog.get_logger(__name__)

_SHUTDOWN_SECONDS = 0.5
_EXIT_SETUP = 2
_STEP_PACE = 1_000  # about as many candles a minute as a stepping client could possibly take
_FIRST_LABEL = re.compile(r"^/[^/]+(?=/(?:api/v3|sapi/v1|ws|stream|ws-api/v3)(?:/|$))")


@dataclass(frozen=True)
class ServerSettings:
    """What is the server's own business, not the exchange's."""

    limits: LimitSettings = field(default_factory=LimitSettings)
    keep_alive: KeepAlive = field(default_factory=KeepAlive)

    @classmethod
    def for_market(cls, config: SimulatorConfig) -> ServerSettings:
        """Limits per market time: a faster market has more to ask about in each second of the wall clock."""
        pace = _STEP_PACE if config.step else max(1, math.ceil(config.speed or 1))
        return cls(limits=LimitSettings().scaled(pace))


class RunningServer:
    """A server that accepts connections; `close` it when done."""

    def __init__(self, context: ServerContext, sockets: Sockets, orders: RestingOrders) -> None:
        self.port = 0
        self._context = context
        self._sockets = sockets
        self._orders = orders
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://{self._context.exchange.config.host}:{self.port}"

    async def open(self, handler: Dispatcher) -> None:
        """Listen; raises OSError if the port is taken."""
        config = self._context.exchange.config
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler.dispatch)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, config.host, config.port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]
        self._orders.start()

    async def close(self) -> None:
        """Stop serving; the exchange itself stays open."""
        self._context.closing.set()
        self._orders.close()
        await self._sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()


class Dispatcher:
    """Finds who answers a request."""

    def __init__(self, context: ServerContext, sockets: Sockets, control: Control) -> None:
        self._context = context
        self._sockets = sockets
        self._control = control
        self._routes: dict[tuple[str, str], Route] = {
            (route.method, route.path): route
            for module in (http_market, http_account, http_orders, http_order_lists)
            for route in module.ROUTES
        }

    async def dispatch(self, request: web.Request) -> web.StreamResponse:
        """Answer one request of any kind."""
        path = plain_path(request.path)
        if path.startswith("/control/"):
            return await self._control.answer(request, path.removeprefix("/control/"))
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request, path)
        route = self._routes.get((request.method, path))
        if route is None:
            return html_answer(404)
        return await answer(self._context, route, request)

    async def _serve_socket(self, request: web.Request, path: str) -> web.StreamResponse:
        if path == "/ws-api/v3":
            return await self._sockets.serve_api(request)
        if path == "/stream":
            names = request.query.get("streams", "").split("/")
            return await self._sockets.serve_streams(request, list(filter(None, names)), combined=True)
        if path == "/ws" or path.startswith("/ws/"):
            names = path.removeprefix("/ws").split("/")
            return await self._sockets.serve_streams(request, list(filter(None, names)), combined=False)
        return html_answer(404)


def plain_path(path: str) -> str:
    """The documented path, without the prefix that stands for the original URL's host."""
    return _FIRST_LABEL.sub("", path)


async def start_server(exchange: Exchange, settings: ServerSettings | None = None) -> RunningServer:
    """Serve an exchange on its configured host and port, in the running event loop.

    Parameters
    ----------
    settings
        `ServerSettings.for_market` by default.

    Raises
    ------
    OSError
        If the port can't be bound.
    """
    settings = settings or ServerSettings.for_market(exchange.config)
    context = ServerContext.of(exchange, settings.limits)
    sockets = Sockets(context, settings.keep_alive)
    context.book_for_rest = sockets.hub.book_for_rest
    control = Control(context, sockets.on_fault, sockets.hub.publish_now)
    server = RunningServer(context, sockets, RestingOrders(exchange))
    await server.open(Dispatcher(context, sockets, control))
    return server


def serve(config: SimulatorConfig, settings: ServerSettings | None = None) -> int:
    """Run the simulated exchange until SIGTERM or SIGINT; the process's exit code."""
    try:
        exchange = build_exchange(config)
    except SimulatorSetupError as error:
        return _fail(str(error))
    try:
        return asyncio.run(_serve_until_signal(exchange, settings))
    finally:
        exchange.close()


async def _serve_until_signal(exchange: Exchange, settings: ServerSettings | None) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = exchange.config
    try:
        server = await start_server(exchange, settings)
    except OSError as error:
        return _fail(
            f"The simulated exchange can't listen on {config.host}:{config.port}: {error.strerror}. "
            "Stop what uses the port, or choose another."
        )
    log.info("simulator_serving", url=server.base_url, market=config.market_id())
    await stop.wait()
    await server.close()
    log.info("simulator_stopped")
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return _EXIT_SETUP
