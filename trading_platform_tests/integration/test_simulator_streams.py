"""ccxt.pro and raw sockets on the simulator's streams and WS-API."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import pytest

from trading_platform.simulator.limits import LimitSettings
from trading_platform.simulator.server import ServerSettings
from trading_platform.simulator.ws_connection import KeepAlive
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange

pytestmark = pytest.mark.integration

SYMBOL = "BTC/USDT"
MINUTE_MS = 60_000
FIVE_MS = 5 * MINUTE_MS


@pytest.fixture
async def client(venue: SimulatedExchange) -> AsyncIterator[Any]:
    binance = venue.ccxt_pro()
    await binance.load_markets()
    yield binance
    await binance.close()


async def within(awaitable: Any, seconds: float = 10) -> Any:
    return await asyncio.wait_for(awaitable, seconds)


async def read(socket: aiohttp.ClientWebSocketResponse) -> Any:
    message = await within(socket.receive())
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return json.loads(message.data)


async def read_until(socket: aiohttp.ClientWebSocketResponse, wanted: Any) -> Any:
    while True:
        message = await read(socket)
        if wanted(message):
            return message


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_every_public_watch_of_ccxt_hears_something(client: Any) -> None:
    assert (await within(client.watch_ticker(SYMBOL)))["last"] > 0
    assert (await within(client.watch_ticker(SYMBOL, {"name": "ticker"})))["bid"] > 0
    assert SYMBOL in await within(client.watch_tickers())
    assert (await within(client.watch_bids_asks([SYMBOL])))[SYMBOL]["ask"] > 0
    assert (await within(client.watch_ohlcv(SYMBOL, "1m")))[-1][4] > 0
    assert (await within(client.watch_order_book(SYMBOL)))["bids"]


async def test_a_watched_book_stays_equal_to_the_exchanges() -> None:
    with simulated_exchange(step=True) as venue:
        client = venue.ccxt_pro()
        try:
            await client.load_markets()
            await within(client.watch_order_book(SYMBOL, 100))
            for _ in range(5):
                waiting = asyncio.ensure_future(client.watch_order_book(SYMBOL, 100))
                await asyncio.sleep(0)
                await asyncio.to_thread(venue.control.step)
                watched, fetched = await within(waiting), await client.fetch_order_book(SYMBOL, 100)
                assert watched["bids"] == fetched["bids"]
                assert watched["asks"] == fetched["asks"]
        finally:
            await client.close()


async def test_user_events_follow_an_orders_life(client: Any) -> None:
    watching = asyncio.gather(client.watch_orders(SYMBOL), client.watch_my_trades(SYMBOL))
    await asyncio.sleep(1)
    order = await client.create_order(SYMBOL, "market", "buy", 0.001)
    orders, trades = await within(watching)
    assert orders[-1]["id"] == order["id"]
    assert trades[-1]["order"] == order["id"]
    assert trades[-1]["fee"]["currency"] == "BTC"


async def test_balances_are_pushed(client: Any) -> None:
    watching = asyncio.ensure_future(client.watch_balance())
    await asyncio.sleep(1)
    await client.create_order(SYMBOL, "market", "buy", 0.001)
    pushed = await within(watching)
    fetched = await client.fetch_balance()
    assert pushed["BTC"]["total"] == fetched["BTC"]["total"]


async def test_orders_can_be_placed_queried_and_cancelled_over_the_ws_api(client: Any) -> None:
    ticker = await client.fetch_ticker(SYMBOL)
    price = float(client.price_to_precision(SYMBOL, ticker["last"] * 0.9))
    order = await within(client.create_order_ws(SYMBOL, "limit", "buy", 0.001, price))
    assert (await within(client.fetch_order_ws(order["id"], SYMBOL)))["status"] == "open"
    assert (await within(client.cancel_order_ws(order["id"], SYMBOL)))["status"] == "canceled"


async def test_a_rejected_ws_order_has_the_same_exception(client: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await within(client.create_order_ws(SYMBOL, "market", "sell", 50))


@pytest.mark.parametrize(
    ("path", "combined"),
    [
        ("/ws/btcusdt@miniTicker", False),
        ("/ws/btcusdt@miniTicker/ethusdt@miniTicker", False),
        ("/stream?streams=btcusdt@miniTicker/ethusdt@miniTicker", True),
        ("/stream/stream?streams=btcusdt@miniTicker", True),
        ("/stream/ws/btcusdt@miniTicker", False),
    ],
)
async def test_streams_can_be_named_in_every_documented_url(
    venue: SimulatedExchange, http: aiohttp.ClientSession, path: str, combined: bool
) -> None:
    async with http.ws_connect(venue.base_url + path) as socket:
        first = await read(socket)
        if combined:
            assert first["stream"] == "btcusdt@miniTicker"
            first = first["data"]
        assert first["e"] == "24hrMiniTicker"
        assert first["s"] in ("BTCUSDT", "ETHUSDT")


async def test_the_control_messages_of_the_stream_socket(venue: SimulatedExchange, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(venue.base_url + "/ws") as socket:

        async def ask(method: str, params: Any = None, request_id: Any = 1) -> Any:
            message = {"method": method, "id": request_id} | ({} if params is None else {"params": params})
            await socket.send_json(message)
            return await read_until(socket, lambda m: "id" in m)

        await within(asyncio.sleep(0))
        assert await ask("SUBSCRIBE", ["nopeusdt@trade"], "text-id") == {"result": None, "id": "text-id"}
        assert (await ask("LIST_SUBSCRIPTIONS"))["result"] == ["nopeusdt@trade"]
        assert (await ask("UNSUBSCRIBE", ["nopeusdt@trade"]))["result"] is None
        assert (await ask("LIST_SUBSCRIPTIONS"))["result"] == []
    async with http.ws_connect(venue.base_url + "/ws") as socket:
        assert (await ask("SUBSCRIBE", ["btcusdt@nonsense"]))["error"]["code"] == 2
        assert (await ask("SHOUT"))["error"]["code"] == 2
        await socket.send_str("{")
        assert (await read(socket))["error"]["code"] == 3
        assert (await ask("GET_PROPERTY", ["combined"]))["result"] is False


async def test_too_many_messages_end_the_connection(venue: SimulatedExchange, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(venue.base_url + "/ws") as socket:
        for request_id in range(6):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": request_id})
        while (message := await within(socket.receive())).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1008


async def test_a_connection_carries_a_bounded_number_of_streams(http: aiohttp.ClientSession) -> None:
    settings = ServerSettings(limits=LimitSettings(streams_per_connection=2))
    with simulated_exchange(settings=settings) as venue:
        async with http.ws_connect(venue.base_url + "/ws") as socket:
            names = ["btcusdt@kline_1m", "ethusdt@kline_1m", "solusdt@kline_1m"]
            await socket.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
            assert (await read(socket))["error"]["code"] == 2


async def test_the_server_pings_and_leaves_the_silent(http: aiohttp.ClientSession) -> None:
    settings = ServerSettings(keep_alive=KeepAlive(ping_seconds=0.1, pong_timeout_seconds=0.3))
    with simulated_exchange(settings=settings) as venue:
        async with http.ws_connect(venue.base_url + "/ws", autoping=False) as socket:
            assert (await within(socket.receive())).type is aiohttp.WSMsgType.PING
            while (message := await within(socket.receive())).type is aiohttp.WSMsgType.PING:
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_each_step_closes_each_candle_exactly_once(http: aiohttp.ClientSession) -> None:
    with simulated_exchange(step=True) as venue:
        path = "/stream?streams=btcusdt@kline_1m/btcusdt@kline_5m"
        async with http.ws_connect(venue.base_url + path) as socket:
            start = venue.control.get("clock")["market_time_ms"]
            for number in range(10):
                venue.control.step(start + number * MINUTE_MS)
            await asyncio.to_thread(venue.control.step, start + 9 * MINUTE_MS)
            closed: dict[str, list[int]] = {"1m": [], "5m": []}
            five_minutes = [
                opened
                for opened in range(start - start % FIVE_MS, start + 10 * MINUTE_MS, FIVE_MS)
                if opened + FIVE_MS <= start + 10 * MINUTE_MS
            ]
            while len(closed["1m"]) < 10 or len(closed["5m"]) < len(five_minutes):
                candle = (await read(socket))["data"]["k"]
                if candle["x"]:
                    closed[candle["i"]].append(candle["t"])
            assert closed["1m"] == [start + number * MINUTE_MS for number in range(10)]
            assert closed["5m"] == five_minutes


async def test_a_fast_replay_loses_no_closing(http: aiohttp.ClientSession) -> None:
    with simulated_exchange(speed=3_000) as venue:
        async with http.ws_connect(venue.base_url + "/ws/btcusdt@kline_1m") as socket:
            closed: list[int] = []
            while len(closed) < 100:
                candle = (await read(socket))["k"]
                if candle["x"]:
                    closed.append(candle["t"])
        assert [b - a for a, b in itertools.pairwise(closed)] == [MINUTE_MS] * 99


async def test_closed_candles_of_stream_and_rest_are_equal(http: aiohttp.ClientSession) -> None:
    with simulated_exchange(step=True) as venue:
        async with http.ws_connect(venue.base_url + "/ws/btcusdt@kline_1m") as socket:
            await asyncio.to_thread(venue.control.step)
            event = await read_until(socket, lambda m: m["k"]["x"])
        candle = event["k"]
        query = f"symbol=BTCUSDT&interval=1m&startTime={candle['t']}&limit=1"
        async with http.get(f"{venue.base_url}/api/v3/klines?{query}") as response:
            (row,) = await response.json()
        assert row[:8] == [candle[name] for name in "tohlcvTq"]
        assert Decimal(candle["l"]) <= Decimal(candle["o"]) <= Decimal(candle["h"])
