"""ccxt's common form: one mute symbol is subscribed to again alone, on the socket that all share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ccxt.async_support.base.ws.client import Client

from trading_platform.adapters.ccxt_exchange.exact_stream import close_exchange, exact_stream_exchange
from trading_platform.adapters.ccxt_exchange.stream_client import StreamClient
from trading_platform.adapters.ccxt_exchange.unified_watches import UnifiedWatches, is_about
from trading_platform.domain.stream_event import BookTop, StreamEvent

BTC, ETH = "BTC/USDT", "ETH/USDT"


class _Venue:
    """ccxt's bookkeeping of subscriptions, and an exchange that forgets one symbol."""

    def __init__(self) -> None:
        self.socket = Client("ws", *[lambda *_: None] * 4)
        self.clients = {"ws": self.socket}
        self.markets = {symbol: {"id": symbol.replace("/", "-")} for symbol in (BTC, ETH)}
        self.on_malformed: dict[str, Any] = {}
        self.subscribed: list[str] = []
        self.deaf: set[str] = set()

    async def watch_bids_asks(self, symbols: list[str]) -> Any:
        key = f"bidask::{symbols[0]}"
        if key not in self.socket.subscriptions:
            self.socket.subscriptions[key] = True
            self.subscribed.append(symbols[0])
            self.deaf.discard(symbols[0])
        return await self.socket.future(key)

    def speak(self) -> None:
        for symbol in {BTC, ETH} - self.deaf:
            self.socket.resolve({symbol: {"bid": "100", "ask": "101"}}, f"bidask::{symbol}")


class _Room:
    def __init__(self) -> None:
        self.venue, self.events = _Venue(), list[StreamEvent]()

        async def exchange() -> _Venue:
            return self.venue

        self.client = SimpleNamespace(
            exchange=exchange, current=self.venue, features={"watchBidsAsks": True}, symbols=(BTC, ETH)
        )
        self.watches = UnifiedWatches(cast(StreamClient, self.client), [BTC, ETH], self.events.append)

    async def hear(self) -> list[str]:
        """Who is heard when the exchange speaks."""
        self.events.clear()
        for _ in range(10):
            await asyncio.sleep(0)
        self.venue.speak()
        for _ in range(10):
            await asyncio.sleep(0)
        assert {type(event) for event in self.events} <= {BookTop}  # nobody was disconnected
        return sorted(cast(BookTop, event).symbol for event in self.events)


@pytest.fixture
async def room() -> AsyncIterator[_Room]:
    made = _Room()
    yield made
    await made.watches.stop()


async def test_one_mute_symbol_is_brought_back_and_the_others_hear_no_pause(room: _Room) -> None:
    assert await room.hear() == [BTC, ETH]
    room.venue.deaf.add(BTC)
    assert await room.hear() == [ETH]

    await room.watches.resubscribe([BTC])

    assert await room.hear() == [BTC, ETH]
    assert room.venue.subscribed == [BTC, ETH, BTC]
    assert list(room.venue.clients) == ["ws"]  # the socket that both share was left open


async def test_a_symbol_that_stays_mute_costs_the_others_one_new_socket(room: _Room) -> None:
    closed = []
    for _ in range(3):
        room.venue.clients["ws"] = room.venue.socket
        await room.watches.new_socket([BTC])
        closed.append("ws" not in room.venue.clients)
    assert closed == [True, False, False]

    room.watches._take_prices(BTC)({"bid": "100", "ask": "101"}, datetime.now(UTC))  # it is heard: the next silence
    await room.watches.new_socket([BTC])
    assert "ws" not in room.venue.clients


async def test_a_hundred_resubscriptions_leave_nothing_behind(room: _Room) -> None:
    async def held() -> tuple[int, ...]:
        await room.hear()
        socket = room.venue.socket
        return len(socket.futures), len(socket.subscriptions), len(socket.rejections), len(asyncio.all_tasks())

    before = await held()
    for _ in range(100):
        await room.watches.resubscribe([BTC])
    assert await held() == before


async def test_ccxt_keeps_few_trades_however_many_come() -> None:
    exchange = exact_stream_exchange("okx", {}, None)
    try:
        socket = Client("ws", *[lambda *_: None] * 4)
        arg = {"channel": "trades", "instId": "BTC-USDT"}
        for number in range(300):
            trade = {"instId": "BTC-USDT", "tradeId": str(number), "px": "1", "sz": "1", "side": "buy", "ts": "1"}
            exchange.handle_trades(socket, {"arg": arg, "data": [trade]})
        (kept,) = exchange.trades.values()
        assert len(kept) == 100
        assert kept[-1]["id"] == "299"
    finally:
        await close_exchange(exchange)


@pytest.mark.parametrize(
    ("message_hash", "expected"),
    [
        ("bidask::BTC/USDT", True),
        ("ticker@BTC/USDT", True),
        ("trades:BTC/USDT", True),
        ("candle1m:BTC-USDT", True),
        ("btcusdt@bookTicker", True),
        ("bidask::WBTC/USDT", False),
        ("bidask::BTC/USDTX", False),
        ("bidask::BTC/USDT:USDT", False),
        ("candle1m:BTC-USDT-SWAP", False),
        ("wbtcusdt@bookTicker", False),
    ],
)
def test_a_symbol_is_told_from_those_whose_names_hold_it(message_hash: str, expected: bool) -> None:
    assert is_about(message_hash, ("BTC/USDT", "BTC-USDT", "BTCUSDT")) is expected
