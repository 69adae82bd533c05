"""A connection that has ended leaves nothing behind, however it ended: streams run for weeks."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import ccxt
import pytest
from ccxt.async_support.base.ws.client import Client

from trading_platform.adapters.ccxt_exchange import stream_client
from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.ccxt_exchange.market_stream import CcxtMarketStream
from trading_platform_tests.support.examples import MINUTE
from trading_platform_tests.support.simulated import SimulatedExchange

pytestmark = pytest.mark.integration

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
TIMES = 4
MOST_PER_RECONNECT = 32 * 1024
"""Bytes; a connection's two zlib contexts alone are three times that."""


class Hearing:
    """A stream and the symbols that were heard since the last look."""

    def __init__(self, venue: SimulatedExchange, *, unified: bool) -> None:
        access = VenueAccess("binance", "the exchange", 4, 12, base_url=venue.base_url)
        self.venue = venue
        self.stream = CcxtMarketStream(CcxtClient(access), SYMBOLS, [MINUTE], unified=unified)
        self._heard: set[str] = set()

    async def hear(self) -> None:
        async for event in self.stream.events():
            self._heard.add(getattr(event, "symbol", ""))

    async def until_all_are_heard(self) -> None:
        self._heard.clear()
        async with asyncio.timeout(30):
            while not self._heard.issuperset(SYMBOLS):
                await asyncio.sleep(0.02)

    async def reconnect(self, how: str) -> None:
        if how == "dropped":
            await asyncio.to_thread(self.venue.control.fault, "drop", channel="stream")
            await asyncio.sleep(0.1)
            await asyncio.to_thread(self.venue.control.clear_faults)
        elif how == "new client":
            await self.stream.new_client()
        elif how == "new socket":
            await self.stream.new_socket(SYMBOLS)
        else:
            await self.stream.resubscribe(SYMBOLS)
        await self.until_all_are_heard()


@asynccontextmanager
async def hearing(venue: SimulatedExchange, *, unified: bool) -> AsyncIterator[Hearing]:
    listener = Hearing(venue, unified=unified)
    task = asyncio.create_task(listener.hear())
    try:
        await listener.until_all_are_heard()
        yield listener
    finally:
        await listener.stream.close()
        task.cancel()


def alive() -> Counter[str]:
    """What each connection or client is made of and remembers, once the garbage is gone."""
    gc.collect()
    kinds = (ccxt.Exchange, Client, aiohttp.ClientSession, aiohttp.BaseConnector, aiohttp.ClientWebSocketResponse)
    found = Counter(kind.__name__ for each in gc.get_objects() for kind in kinds if isinstance(each, kind))
    sockets = [each for each in gc.get_objects() if isinstance(each, Client)]
    remembered = sum(len(socket.subscriptions) + len(socket.rejections) for socket in sockets)
    return found + Counter(tasks=len(asyncio.all_tasks()), remembered=remembered)


async def settled() -> Counter[str]:
    """The same, when all sockets are connected: in the common form every symbol and channel has its own."""
    before, now = Counter[str](), alive()
    async with asyncio.timeout(30):
        while now != before:
            await asyncio.sleep(1)
            before, now = now, alive()
    return now


@pytest.fixture
def traced() -> Iterator[None]:
    """Every allocation is traced."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    ("how", "unified"),
    [
        ("resubscribed", False),
        ("new socket", False),
        ("new client", False),
        ("dropped", False),
        ("resubscribed", True),
        ("new client", True),
    ],
)
async def test_reconnecting_many_times_keeps_no_more_than_once(
    venue: SimulatedExchange, monkeypatch: pytest.MonkeyPatch, how: str, unified: bool
) -> None:
    monkeypatch.setattr(stream_client, "_LONGEST_WAIT_SECONDS", 0.1)
    async with hearing(venue, unified=unified) as listener:
        for _ in range(2):  # what is there by then has been allocated while that was traced
            await listener.reconnect(how)
        before, (held, _) = await settled(), tracemalloc.get_traced_memory()
        for _ in range(TIMES):
            await listener.reconnect(how)
        after, (holds, _) = await settled(), tracemalloc.get_traced_memory()

    assert after == before
    assert (holds - held) / TIMES < MOST_PER_RECONNECT
