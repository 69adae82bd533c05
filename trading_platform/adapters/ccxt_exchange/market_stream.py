"""Market data pushed by any exchange that ccxt can listen to. Apart from the other adapters: it takes 100 MB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from trading_platform.adapters.ccxt_exchange.binance_sockets import BinanceSockets
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.exact_stream import has_streams
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.stream_client import StreamClient
from trading_platform.adapters.ccxt_exchange.unified_watches import UnifiedWatches
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.stream_event import StreamEvent
from trading_platform.settings import Settings

MAX_QUEUED = 20_000
_CLOSE_SECONDS = 1.8
_BINANCE_PROTOCOL = frozenset({"binance", "binanceus"})


def make_market_stream(settings: Settings, feed: CcxtMarketFeed) -> CcxtMarketStream:
    """The stream of the venue that the settings name.

    Parameters
    ----------
    feed
        The same venue by REST; what a stream has to ask goes through its client.

    Raises
    ------
    FixSettings
        If ccxt can't listen to it.
    """
    intervals = [Interval.parse(name) for name in settings.market.intervals]
    return CcxtMarketStream(feed.client, settings.market.symbols, intervals)


class _Connections(Protocol):
    async def resubscribe(self, symbols: Sequence[str]) -> None: ...

    async def new_socket(self, symbols: Sequence[str]) -> None: ...

    async def stop(self) -> None: ...


class CcxtMarketStream:
    """Fills the role `MarketStream`.

    Parameters
    ----------
    rest
        Asks the exchange what streams don't tell: its markets.
    unified
        Use ccxt's common form even where the exchange's own messages could be read.
    """

    def __init__(
        self, rest: CcxtClient, symbols: Sequence[str], intervals: Sequence[Interval], *, unified: bool = False
    ) -> None:
        access = rest.access
        if not has_streams(access.exchange_id):
            raise FixSettings(f"venue.name: ccxt has no streams of {access.name}; REST serves it")
        self._rest, self._symbols, self._intervals = rest, tuple(symbols), tuple(intervals)
        self._unified = unified or access.exchange_id not in _BINANCE_PROTOCOL
        self._queue: asyncio.Queue[StreamEvent] = asyncio.Queue(MAX_QUEUED)
        self._client: StreamClient | None = None
        self._connections: _Connections | None = None

    @property
    def carries_candles(self) -> bool:
        """Only where the exchange's own messages are read: they alone say that a candle has closed."""
        return not self._unified

    async def events(self) -> AsyncIterator[StreamEvent]:
        """Everything that arrives; the first use connects."""
        if self._client is None:
            self._client = StreamClient(self._rest, self._symbols)
            self._connect(self._client)
        while True:
            yield await self._queue.get()

    async def resubscribe(self, symbols: Sequence[str]) -> None:
        """Ask for these symbols again on the connection they have."""
        if self._connections is not None:
            await self._connections.resubscribe(symbols)

    async def new_socket(self, symbols: Sequence[str]) -> None:
        """Give these symbols a new connection."""
        if self._connections is not None:
            await self._connections.new_socket(symbols)

    async def new_client(self) -> None:
        """Begin anew with everything."""
        if self._client is not None and self._connections is not None:
            await self._connections.stop()
            await self._client.renew()
            self._connect(self._client)

    async def close(self) -> None:
        """End it, within two seconds."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if self._connections is not None:
                    await self._connections.stop()
                await client.close()
        except TimeoutError:
            return  # the process ends anyhow

    def _connect(self, client: StreamClient) -> None:
        if self._unified:
            self._connections = UnifiedWatches(client, self._symbols, self._emit)
        else:
            self._connections = BinanceSockets(client, self._symbols, self._intervals, self._emit)

    def _emit(self, event: StreamEvent) -> None:
        if self._queue.full():
            self._queue.get_nowait()  # the oldest is worth the least
        self._queue.put_nowait(event)
