"""Binance's user data as hints, over ccxt.pro's socket of the WebSocket API.

ccxt's own `watch_orders` hands events on late, hangs after a refused subscription, and doesn't tell that it has missed
any (measured). So its socket is used and its handlers aren't.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import structlog

from trading_platform.adapters.ccxt_exchange import account_access
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.exact_stream import CONNECTION_FAILS, close_client, settled
from trading_platform.adapters.ccxt_exchange.stream_client import Redial, StreamClient
from trading_platform.ports.order_news import OrderNews
from trading_platform.ports.request_budget import RequestBudget
from trading_platform.settings import Settings

_SUBSCRIBE: Final = "userDataStream.subscribe.signature"
_ACCEPTED: Final = 200
_ENDINGS: Final = frozenset({"eventStreamTerminated", "serverShutdown"})
_REFUSED_WAIT_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 1.8

log = structlog.get_logger()


def make_order_news(settings: Settings, budget: RequestBudget | None = None) -> CcxtOrderNews:
    """The news of the account that trades.

    Raises
    ------
    FixSettings
        If it has no key.
    """
    return CcxtOrderNews(CcxtClient(account_access(settings), budget=budget))


class CcxtOrderNews:
    """Fills the role `OrderNewsStream`.

    Parameters
    ----------
    rest
        Has the key, and asks the exchange what it must know before the news.
    """

    def __init__(self, rest: CcxtClient) -> None:
        self._rest, self._access = rest, rest.access
        self._waiting: dict[str | None, None] = {}
        self._arrived = asyncio.Event()
        self._client: StreamClient | None = None
        self._task: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[OrderNews]:
        """News; the first use connects."""
        if self._task is None:
            self._client = StreamClient(self._rest, ())
            self._task = asyncio.get_running_loop().create_task(self._run(self._client))
            self._task.add_done_callback(lambda _: self._arrived.set())
        task = self._task
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if task.done():
                task.result()  # it only ends by a mistake of ours, which must not look like silence
            while self._waiting:
                name = next(iter(self._waiting))
                del self._waiting[name]
                yield OrderNews(name)

    async def close(self) -> None:
        """End it, within two seconds."""
        task, client, self._task, self._client = self._task, self._client, None, None
        if task is None or client is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                task.cancel()
                await asyncio.wait({task})
                await client.close()
        except TimeoutError:
            return  # the process ends anyhow

    async def _run(self, client: StreamClient) -> None:
        redial = Redial(client)
        while True:
            redial.dialled()
            why = await self._connect_once(client)
            log.warning("order_news_interrupted", venue=self._access.name, why=self._access.without_secrets(why))
            await redial.pause()

    async def _connect_once(self, client: StreamClient) -> str:
        """Connect, subscribe, and listen until it ends; why it ended."""
        try:
            exchange = await client.exchange()
        except CONNECTION_FAILS as failure:
            return f"the exchange's markets can't be read: {type(failure).__name__}"
        url = exchange.urls["api"]["ws"]["ws-api"]["spot"]
        messages: asyncio.Queue[Any] = asyncio.Queue()
        exchange.taps[url] = messages.put_nowait
        exchange.on_malformed[url] = lambda _: self._tell(None)  # it may have been about any order
        try:
            return await self._listen(exchange, url, messages)
        finally:
            await close_client(exchange, url)
            del exchange.taps[url], exchange.on_malformed[url]

    async def _listen(self, exchange: Any, url: str, messages: asyncio.Queue[Any]) -> str:
        ended: asyncio.Future[Any] = asyncio.ensure_future(settled(exchange.watch(url, "end", None, "end")))
        connection = exchange.clients[url]
        try:
            await asyncio.wait({connection.connected, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await connection.send({"id": "1", "method": _SUBSCRIBE, "params": exchange.sign_params({})})
            while not ended.done():
                reading = asyncio.ensure_future(messages.get())
                await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    break
                why = await self._take(reading.result())
                if why is not None:
                    return why
            return f"connection lost: {type(ended.result()).__name__}"
        except CONNECTION_FAILS as failure:
            return f"connection lost: {type(failure).__name__}"
        finally:
            ended.cancel()

    async def _take(self, message: Any) -> str | None:
        """Tell what a message says; why the connection is of no use any more, if that is what it says."""
        if not isinstance(message, dict):
            self._tell(None)
            return None
        if "status" in message and message["status"] != _ACCEPTED:
            await asyncio.sleep(_REFUSED_WAIT_SECONDS)  # a key that is refused once is so again
            return f"the exchange refused the subscription: {message.get('error')}"
        event = message.get("event", message)
        kind = event.get("e") if isinstance(event, dict) else None
        if kind == "executionReport":
            # of a cancel, "c" is the request's own id and "C" the order's
            self._tell(event.get("C") or event.get("c"))
        elif "result" in message:
            self._tell(None)
        return f"the exchange sent {kind}" if kind in _ENDINGS else None

    def _tell(self, name: Any) -> None:
        self._waiting[name if isinstance(name, str) else None] = None
        self._arrived.set()
