"""Streams of any exchange in ccxt's common form: a loop per symbol and channel, exact as far as ccxt hands text on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from trading_platform.adapters.ccxt_exchange.exact_stream import CCXT_STUMBLES, CONNECTION_FAILS, close_client, settled
from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.stream_client import Redial, StreamClient
from trading_platform.adapters.ccxt_exchange.wire_fields import decimal, mapping, moment, sequence
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.stream_event import (
    BookTop,
    CandleUpdate,
    Disconnected,
    Malformed,
    StreamEvent,
    TradePrint,
)

_OHLCV_FIELDS = ("open", "high", "low", "close", "volume")

Emit = Callable[[StreamEvent], None]
Take = Callable[[Any, datetime], None]


class UnifiedWatches:
    """Prices, trades and candles through `watch_…`.

    Notes
    -----
    A candle is closed when the exchange has begun the next one: ccxt doesn't hand on what else it may say of it.
    """

    def __init__(self, client: StreamClient, symbols: Sequence[str], intervals: Sequence[Interval], emit: Emit) -> None:
        self._client, self._emit = client, emit
        self._newest: dict[tuple[str, Interval], Candle] = {}
        has = client.features
        self.carries_candles = bool(has.get("watchOHLCV"))
        prices = "watch_bids_asks" if has.get("watchBidsAsks") else "watch_ticker"
        loops: list[Coroutine[Any, Any, None]] = []
        for symbol in symbols:
            loops.append(self._watch(symbol, self._prices(prices, symbol), self._take_prices(symbol), tells_loss=True))
            if has.get("watchTrades"):
                trades = self._call("watch_trades", symbol)
                loops.append(self._watch(symbol, trades, self._take_trades(symbol)))
            for interval in intervals if self.carries_candles else ():
                candles = self._call("watch_ohlcv", symbol, interval.name)
                loops.append(self._watch_candles(symbol, interval, candles))
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(each) for each in loops]

    async def resubscribe(self, symbols: Sequence[str]) -> None:
        """A subscription that is to be renewed needs the exchange's answer to its end: a new socket needs none."""
        await self.new_socket(symbols)

    async def new_socket(self, symbols: Sequence[str]) -> None:
        """Close every socket, since ccxt decides which symbols share one; the loops connect again."""
        del symbols
        exchange = await self._client.exchange()
        for url in list(exchange.clients or ()):
            await close_client(exchange, url)

    async def stop(self) -> None:
        """End every loop."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _watch_candles(self, symbol: str, interval: Interval, ask: Callable[[Any], Any]) -> None:
        def forget() -> None:
            """How the candle in progress went on isn't heard: the next one doesn't prove that this was its end."""
            self._newest.pop((symbol, interval), None)

        await self._watch(symbol, ask, self._take_candles(symbol, interval), forget)

    async def _watch(
        self,
        symbol: str,
        ask: Callable[[Any], Any],
        take: Take,
        lost: Callable[[], None] = lambda: None,
        *,
        tells_loss: bool = False,
    ) -> None:
        redial = Redial(self._client)
        while True:
            redial.dialled()
            try:
                await self._listen(symbol, ask, take)
            except CONNECTION_FAILS as failure:
                lost()
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

    def _take_candles(self, symbol: str, interval: Interval) -> Take:
        def take(answer: Any, received_at: datetime) -> None:
            for row in sequence(list(answer), "the candles"):
                self._take_candle(symbol, interval, _candle(row), received_at)

        return take

    def _take_candle(self, symbol: str, interval: Interval, candle: Candle, received_at: datetime) -> None:
        before = self._newest.get((symbol, interval))
        if before is not None and candle.open_time < before.open_time:
            return
        if before is not None and candle.open_time > before.open_time:
            self._emit(CandleUpdate(symbol, interval, before, True, received_at))
        self._newest[symbol, interval] = candle
        self._emit(CandleUpdate(symbol, interval, candle, False, received_at))


def _candle(row: Any) -> Candle:
    cells = sequence(row, "a candle")
    if len(cells) <= len(_OHLCV_FIELDS):
        raise MalformedAnswer("a candle lacks values")
    values = [decimal(cell, f"a candle's {name}") for name, cell in zip(_OHLCV_FIELDS, cells[1:], strict=False)]
    candle = Candle(moment(cells[0], "a candle's open time"), *values)
    if not candle.is_sane():
        raise MalformedAnswer("the candle's prices or volume are impossible")
    return candle
