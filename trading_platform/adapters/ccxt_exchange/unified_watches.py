"""Streams of any exchange in ccxt's common form: a loop per symbol and channel, exact as far as ccxt hands text on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from trading_platform.adapters.ccxt_exchange.exact_stream import CCXT_STUMBLES, CONNECTION_FAILS, close_client, settled
from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.stream_client import Redial, StreamClient
from trading_platform.adapters.ccxt_exchange.wire_fields import decimal, mapping, sequence
from trading_platform.domain.stream_event import (
    BookTop,
    Disconnected,
    Malformed,
    StreamEvent,
    TradePrint,
)

Emit = Callable[[StreamEvent], None]
Take = Callable[[Any, datetime], None]


class UnifiedWatches:
    """Prices and trades through `watch_…`.

    Notes
    -----
    No candles: ccxt drops what exchanges say of a candle's end. That the next one has begun doesn't prove that the
    last word on this one was heard, if its symbol was mute for a moment. So REST brings them, when they are closed.
    """

    def __init__(self, client: StreamClient, symbols: Sequence[str], emit: Emit) -> None:
        self._client, self._emit = client, emit
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._had_new_socket: set[str] = set()  # and haven't been heard since
        for symbol in symbols:
            self._begin(symbol)

    async def resubscribe(self, symbols: Sequence[str]) -> None:
        """Subscribe to these symbols again, on the sockets that they share with others.

        The exchange isn't asked to end the old subscription: if it is deaf for the symbol, it wouldn't answer.
        """
        mine = [symbol for symbol in symbols if symbol in self._tasks]
        await self._end(mine)
        for symbol in mine:
            drop_subscriptions(self._client.current, symbol)
            self._begin(symbol)

    async def new_socket(self, symbols: Sequence[str]) -> None:
        """Close every socket, since ccxt decides which symbols share one; the loops connect again.

        Once per silence of a symbol: if it stays mute, the socket isn't the cause, and the others are left alone.
        """
        if self._had_new_socket.issuperset(symbols):
            await self.resubscribe(symbols)
            return
        self._had_new_socket.update(symbols)
        exchange = self._client.current
        for url in list(exchange.clients or ()):
            await close_client(exchange, url)

    async def stop(self) -> None:
        """End every loop."""
        await self._end(list(self._tasks))

    def _begin(self, symbol: str) -> None:
        has = self._client.features
        prices = "watch_bids_asks" if has.get("watchBidsAsks") else "watch_ticker"
        loops: list[Coroutine[Any, Any, None]] = [
            self._watch(symbol, self._prices(prices, symbol), self._take_prices(symbol), tells_loss=True)
        ]
        if has.get("watchTrades"):
            loops.append(self._watch(symbol, self._call("watch_trades", symbol), self._take_trades(symbol)))
        loop = asyncio.get_running_loop()
        self._tasks[symbol] = [loop.create_task(each) for each in loops]

    async def _end(self, symbols: Sequence[str]) -> None:
        tasks = [task for symbol in symbols for task in self._tasks.pop(symbol)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _watch(
        self,
        symbol: str,
        ask: Callable[[Any], Any],
        take: Take,
        *,
        tells_loss: bool = False,
    ) -> None:
        redial = Redial(self._client)
        while True:
            redial.dialled()
            try:
                await self._listen(symbol, ask, take)
            except CONNECTION_FAILS as failure:
                if tells_loss:
                    self._emit(Disconnected((symbol,), f"connection lost: {failure}"[:200]))
            await redial.pause()

    async def _listen(self, symbol: str, ask: Callable[[Any], Any], take: Take) -> None:
        exchange = await self._client.exchange()
        exchange.on_malformed[""] = lambda why: self._emit(Malformed(self._client.symbols, why))
        while True:
            watching = asyncio.ensure_future(ask(exchange))
            failure = await settled(watching)
            if failure is not None:
                if isinstance(failure, CONNECTION_FAILS) or not isinstance(failure, CCXT_STUMBLES):
                    raise failure
                raise ConnectionError(f"{type(failure).__name__}: {failure}")
            try:
                take(watching.result(), datetime.now(UTC))
            except MalformedAnswer as malformed:
                self._emit(Malformed((symbol,), str(malformed)))

    def _prices(self, method: str, symbol: str) -> Callable[[Any], Any]:
        return self._call(method, [symbol] if method == "watch_bids_asks" else symbol)

    @staticmethod
    def _call(method: str, *arguments: Any) -> Callable[[Any], Any]:
        return lambda exchange: getattr(exchange, method)(*arguments)

    def _take_prices(self, symbol: str) -> Take:
        def take(answer: Any, received_at: datetime) -> None:
            fields = mapping(answer, "the ticker")
            fields = mapping(fields[symbol], "the ticker") if symbol in fields else fields
            bid, ask = decimal(fields.get("bid"), "the bid"), decimal(fields.get("ask"), "the ask")
            if not 0 < bid <= ask:
                raise MalformedAnswer("bid and ask are impossible")
            last = fields.get("last")
            self._had_new_socket.discard(symbol)
            self._emit(
                BookTop(symbol, bid, ask, received_at, last=None if last is None else decimal(last, "the last price"))
            )

        return take

    def _take_trades(self, symbol: str) -> Take:
        def take(answer: Any, received_at: datetime) -> None:
            for trade in sequence(list(answer), "the trades")[-1:]:
                price = decimal(mapping(trade, "the trade").get("price"), "the trade's price")
                self._emit(TradePrint(symbol, price, received_at))

        return take


def drop_subscriptions(exchange: Any, symbol: str) -> None:
    """Let ccxt forget that it has subscribed to the symbol, so that its next `watch_…` subscribes again."""
    market = (exchange.markets or {}).get(symbol)
    names = (symbol, market["id"]) if market else (symbol,)
    for client in (exchange.clients or {}).values():
        for kept in (client.subscriptions, client.futures, client.rejections):
            for key in [key for key in kept if is_about(str(key), names)]:
                del kept[key]


def is_about(message_hash: str, names: Sequence[str]) -> bool:
    """Whether one of ccxt's message hashes (``bidask::BTC/USDT``) names a market, and not one whose name holds it."""
    return any(re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w/:-])", message_hash, re.IGNORECASE) for name in names)
