"""A simulated exchange on an ephemeral loopback port, and clients pointed at it."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import ccxt
import ccxt.async_support
import ccxt.pro

from trading_platform.simulator.build import build_exchange
from trading_platform.simulator.config import (
    AccountConfig,
    MarketConfig,
    SimulatorConfig,
    SyntheticMarketConfig,
)
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.limits import LimitSettings
from trading_platform.simulator.server import RunningServer, ServerSettings, start_server

T = TypeVar("T")

GENEROUS = ServerSettings(
    limits=LimitSettings(weight_per_minute=1_000_000, orders_per_10_seconds=10_000, connections_per_5_minutes=10_000)
)
API_KEY = "simulatedKey"
API_SECRET = "simulatedSecret"
ACCOUNT = "main"
SPOT_ONLY = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
_PRODUCTION_URL = "https://api.binance.com/"
_START_TIMEOUT_SECONDS = 30


class ControlClient:
    """The simulator's control endpoint, synchronous."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def get(self, path: str) -> Any:
        """Answer of ``GET /control/<path>``."""
        return self._request("GET", path, None)

    def fault(self, kind: str, **details: object) -> int:
        """Set a fault; returns its id."""
        answer = self._request("POST", "faults", {"kind": kind, **details})
        return int(answer["id"])

    def clear_faults(self) -> None:
        """End all faults."""
        self._request("DELETE", "faults", None)

    def step(self, expected_market_time_ms: int | None = None) -> Any:
        """Advance a step market by one candle."""
        body = {} if expected_market_time_ms is None else {"expected_market_time_ms": expected_market_time_ms}
        return self._request("POST", "step", body)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Answer of ``POST /control/<path>``."""
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: Mapping[str, object] | None) -> Any:
        request = urllib.request.Request(
            f"{self._base_url}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from None


@dataclass
class SimulatedExchange:
    """A running simulated exchange and what a client needs to use it."""

    base_url: str
    port: int
    api_key: str
    api_secret: str
    control: ControlClient
    exchange: Exchange = field(repr=False)
    _loop: asyncio.AbstractEventLoop = field(repr=False)

    def on_server_thread(self, work: Callable[[Exchange], T]) -> T:
        """Run something against the exchange on the thread that owns it."""

        async def run() -> T:
            return work(self.exchange)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)

    def ccxt_sync(self, **options: object) -> Any:
        """A synchronous ccxt client."""
        return _pointed_at(ccxt.binance, self, options)

    def ccxt_async(self, **options: object) -> Any:
        """An asynchronous ccxt client."""
        return _pointed_at(ccxt.async_support.binance, self, options)

    def ccxt_pro(self, **options: object) -> Any:
        """A streaming ccxt client."""
        return _pointed_at(ccxt.pro.binance, self, options)


@contextmanager
def simulated_exchange(
    *,
    market: MarketConfig | None = None,
    balances: Mapping[str, Decimal] | None = None,
    settings: ServerSettings | None = None,
    database_path: Path | None = None,
    accounts: Sequence[AccountConfig] = (),
    **config: Any,
) -> Iterator[SimulatedExchange]:
    """Serve a seeded synthetic market from a thread of its own.

    Parameters
    ----------
    market
        By default a short synthetic history with a fixed seed.
    settings
        By default limits so wide that only a test which asks for narrower ones meets them.
    balances
        What the account begins with; 10,000 USDT and one of each base asset by default.
    accounts
        Further ones.
    config
        Further fields of `SimulatorConfig`, such as ``step=True`` or ``speed=60``.
    """
    with tempfile.TemporaryDirectory() as folder:
        simulator_config = SimulatorConfig(
            database_path=database_path or Path(folder) / "exchange.sqlite3",
            market=market or SyntheticMarketConfig(seed=7, history_candles=1_000),
            accounts=(AccountConfig(ACCOUNT, API_KEY, API_SECRET, balances or _default_balances()), *accounts),
            **config,
        )
        server_thread = _ServerThread(simulator_config, settings or GENEROUS)
        server_thread.start()
        try:
            yield server_thread.running()
        finally:
            server_thread.stop()


def repoint(urls: Any, port: int) -> Any:
    """ccxt's URLs with each host's first label as a path prefix on loopback."""
    if isinstance(urls, dict):
        return {key: repoint(value, port) for key, value in urls.items()}
    return re.sub(r"^(http|ws)s?://([^./]+)[^/]*", rf"\1://127.0.0.1:{port}/\2", urls)


def _default_balances() -> dict[str, Decimal]:
    return {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10), "SOL": Decimal(100)}


def _pointed_at(base: type[Any], target: SimulatedExchange, options: Mapping[str, object]) -> Any:
    class Pointed(base):  # type: ignore[misc]
        def get_exceptions_by_url(self, url: str, key: str) -> Any:
            return super().get_exceptions_by_url(_PRODUCTION_URL, key)

    client = Pointed(
        {
            "apiKey": target.api_key,
            "secret": target.api_secret,
            "enableRateLimit": False,
            "options": SPOT_ONLY,
            **options,
        }
    )
    client.urls["api"] = repoint(client.urls["api"], target.port)
    return client


class _ServerThread:
    def __init__(self, config: SimulatorConfig, settings: ServerSettings) -> None:
        self._config = config
        self._settings = settings
        self._ready = threading.Event()
        self._finish: Callable[[], object] | None = None
        self._result: SimulatedExchange | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="simulated-exchange")

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT_SECONDS):
            raise TimeoutError("the simulated exchange did not start")

    def running(self) -> SimulatedExchange:
        if self._result is None:
            assert self._failure is not None
            raise self._failure
        return self._result

    def stop(self) -> None:
        if self._finish is not None:
            self._finish()
        self._thread.join(_START_TIMEOUT_SECONDS)
        assert not self._thread.is_alive(), "the simulated exchange did not stop"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        exchange = build_exchange(self._config)
        try:
            server: RunningServer = await start_server(exchange, self._settings)
            loop, finished = asyncio.get_running_loop(), asyncio.Event()
            self._finish = lambda: loop.call_soon_threadsafe(finished.set)
            self._result = SimulatedExchange(
                server.base_url, server.port, API_KEY, API_SECRET, ControlClient(server.base_url), exchange, loop
            )
            self._ready.set()
            await finished.wait()
            await server.close()
        finally:
            exchange.close()
