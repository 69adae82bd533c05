"""Every kind of fault has its effect on a real client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import ccxt
import pytest

from trading_platform_tests.support.simulated import SPOT_ONLY, SimulatedExchange

pytestmark = pytest.mark.integration

SYMBOL = "BTC/USDT"
QUICK = {"timeout": 400}


@pytest.fixture
def client(venue: SimulatedExchange) -> Iterator[Any]:
    binance = venue.ccxt_sync()
    binance.load_markets()
    yield binance
    binance.close()


@pytest.fixture
async def streaming(venue: SimulatedExchange) -> AsyncIterator[Any]:
    binance = venue.ccxt_pro()
    await binance.load_markets()
    yield binance
    await binance.close()


def buy(client: Any, client_order_id: str) -> Any:
    return client.create_order(SYMBOL, "market", "buy", 0.001, params={"clientOrderId": client_order_id})


def order_by_client_id(client: Any, client_order_id: str) -> Any:
    return client.fetch_order(None, SYMBOL, {"clientOrderId": client_order_id})


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, -1003, ccxt.DDoSProtection),
        (418, -1003, ccxt.DDoSProtection),
        (400, -1003, ccxt.RateLimitExceeded),
        (500, -1000, ccxt.OperationFailed),
        (500, -1001, ccxt.OperationFailed),
        (500, -1006, ccxt.OperationFailed),
        (503, -1008, ccxt.OperationFailed),
        (504, -1007, ccxt.RequestTimeout),
        (400, -2026, ccxt.InvalidOrder),
        (500, None, ccxt.ExchangeNotAvailable),
        (502, None, ccxt.ExchangeNotAvailable),
        (503, None, ccxt.ExchangeNotAvailable),
        (504, None, ccxt.RequestTimeout),
        (403, None, ccxt.ExchangeNotAvailable),
        (404, None, ccxt.ExchangeNotAvailable),
        (451, None, ccxt.ExchangeNotAvailable),
    ],
)
def test_a_status_becomes_the_exception_of_the_facts(
    client: Any, venue: SimulatedExchange, status: int, code: int | None, expected: type[Exception]
) -> None:
    detail = {} if code is None else {"code": code, "message": "drill"}
    venue.control.fault("status", status=status, endpoint="order_placement", retry_after=7, count=1, **detail)
    with pytest.raises(expected) as caught:
        buy(client, "statusTest")
    assert type(caught.value) is expected
    assert client.last_response_headers["Retry-After"] == "7"
    with pytest.raises(ccxt.OrderNotFound):
        order_by_client_id(client, "statusTest")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("cut", ccxt.NetworkError), ("cut_body", ccxt.NetworkError), ("504", ccxt.RequestTimeout)],
)
def test_a_lost_answer_hides_an_order_that_exists(
    client: Any, venue: SimulatedExchange, shape: str, expected: type[Exception]
) -> None:
    name = f"lost{shape.replace('_', '')}"
    venue.control.fault("lose_answer", shape=shape, count=1)
    with pytest.raises(expected):
        buy(client, name)
    assert order_by_client_id(client, name)["status"] == "closed"


@pytest.mark.parametrize("shape", ["truncated", "empty"])
def test_a_broken_answer_gives_an_order_without_id(client: Any, venue: SimulatedExchange, shape: str) -> None:
    venue.control.fault("lose_answer", shape=shape, count=1)
    assert buy(client, f"broken{shape}")["id"] is None
    assert order_by_client_id(client, f"broken{shape}")["status"] == "closed"


def test_an_answer_that_never_comes_times_out_with_the_order_placed(client: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("lose_answer", shape="hang", count=1)
    impatient = venue.ccxt_sync(**QUICK)
    impatient.load_markets()
    with pytest.raises(ccxt.RequestTimeout):
        buy(impatient, "hanging")
    assert order_by_client_id(client, "hanging")["status"] == "closed"


def test_a_held_order_is_accepted_after_the_client_gave_up(client: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("hold_order", hold_seconds=0.5, shape="cut", count=1)
    with pytest.raises(ccxt.NetworkError):
        buy(client, "held")
    with pytest.raises(ccxt.OrderNotFound):
        order_by_client_id(client, "held")
    assert eventually(lambda: order_by_client_id(client, "held"))["status"] == "closed"


def test_a_partial_fill_leaves_the_rest(client: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("partial_fill", fraction="0.25", symbol="BTCUSDT", count=1)
    ask = client.fetch_order_book(SYMBOL, 5)["asks"][-1][0]
    order = client.create_order(SYMBOL, "limit", "buy", 0.004, ask, {"timeInForce": "IOC"})
    assert order["filled"] == pytest.approx(0.001)
    assert order["remaining"] == pytest.approx(0.003)


def test_an_order_can_be_rejected_at_will(client: Any, venue: SimulatedExchange) -> None:
    venue.control.fault(
        "reject_order",
        symbol="BTCUSDT",
        code=-2010,
        message="Account has insufficient balance for requested action.",
        count=1,
    )
    with pytest.raises(ccxt.InsufficientFunds):
        buy(client, "rejected")
    assert buy(client, "accepted")["status"] == "closed"


def test_a_skewed_clock_refuses_honest_requests(client: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("clock_skew", skew_ms=60_000)
    assert client.fetch_time() - client.milliseconds() > 55_000
    with pytest.raises(ccxt.InvalidNonce):
        client.fetch_balance()
    adjusting = venue.ccxt_sync(options=SPOT_ONLY | {"adjustForTimeDifference": True})
    adjusting.load_time_difference()
    assert adjusting.fetch_balance()["USDT"]["total"] > 0


def test_a_delay_is_longer_than_the_patience(venue: SimulatedExchange) -> None:
    impatient = venue.ccxt_sync(**QUICK)
    venue.control.fault("delay", delay_seconds=5, endpoint="/api/v3/time", count=1)
    with pytest.raises(ccxt.RequestTimeout):
        impatient.fetch_time()
    assert impatient.fetch_time() > 0


@pytest.mark.parametrize(("shape", "expected"), [("503", ccxt.ExchangeNotAvailable), ("hang", ccxt.RequestTimeout)])
def test_market_requests_can_be_mute_while_trading_works(
    venue: SimulatedExchange, shape: str, expected: type[Exception]
) -> None:
    impatient = venue.ccxt_sync(**QUICK)
    impatient.load_markets()
    venue.control.fault("rest_mute", endpoint="market", shape=shape)
    with pytest.raises(expected):
        impatient.fetch_ohlcv(SYMBOL, "1m", limit=2)
    assert impatient.fetch_balance()["USDT"]["total"] > 0


def test_malformed_rest_answers_reach_the_client(client: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("malformed", endpoint="/api/v3/klines", shape="truncated", count=1)
    broken = client.publicGetKlines({"symbol": "BTCUSDT", "interval": "1m"})
    assert isinstance(broken, str)


def test_an_outage_ends_by_itself(client: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("outage", seconds=0.5)
    with pytest.raises(ccxt.ExchangeNotAvailable):
        client.fetch_time()
    assert eventually(client.fetch_time) > 0


async def test_a_muted_symbol_is_silent_while_others_speak(streaming: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("mute", stream="bookTicker", symbol="BTCUSDT")
    await asyncio.wait_for(streaming.watch_bids_asks(["ETH/USDT"]), 10)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(streaming.watch_bids_asks([SYMBOL]), 1)
    venue.control.clear_faults()
    assert (await asyncio.wait_for(streaming.watch_bids_asks([SYMBOL]), 10))[SYMBOL]["bid"] > 0


@pytest.mark.parametrize("close_code", [1001, 1008, 0])
async def test_a_dropped_stream_raises_and_can_be_had_again(
    streaming: Any, venue: SimulatedExchange, close_code: int
) -> None:
    await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10)
    waiting = await watch_in_silence(streaming, venue)
    await asyncio.to_thread(venue.control.fault, "drop", close_code=close_code)
    with pytest.raises(ccxt.NetworkError):
        await asyncio.wait_for(waiting, 10)
    venue.control.clear_faults()
    assert (await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10))["last"] > 0


async def test_a_frozen_socket_answers_no_ping(venue: SimulatedExchange) -> None:
    client = venue.ccxt_pro(streaming={"keepAlive": 300})
    try:
        await client.load_markets()
        await asyncio.wait_for(client.watch_ticker(SYMBOL), 10)
        venue.control.fault("freeze", channel="stream")
        with pytest.raises(ccxt.RequestTimeout):
            await watch_for_ever(client)
    finally:
        await client.close()


@pytest.mark.parametrize(("status", "retry_after"), [(0, None), (429, 1), (503, None)])
async def test_a_refused_handshake_is_a_network_error(
    streaming: Any, venue: SimulatedExchange, status: int, retry_after: int | None
) -> None:
    detail = {} if retry_after is None else {"retry_after": retry_after}
    venue.control.fault("refuse", channel="stream", status=status, **detail)
    with pytest.raises(ccxt.NetworkError):
        await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10)
    venue.control.clear_faults()
    assert (await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10))["last"] > 0


async def test_a_malformed_frame_kills_ccxts_receive_loop(streaming: Any, venue: SimulatedExchange) -> None:
    await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10)
    venue.control.fault("malformed", stream="miniTicker", shape="truncated", count=1)
    with pytest.raises((ccxt.BaseError, asyncio.TimeoutError, ValueError)):
        await watch_for_ever(streaming)


async def test_stream_frames_can_come_late(streaming: Any, venue: SimulatedExchange) -> None:
    venue.control.fault("delay", channel="stream", delay_seconds=1.5)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 1)
    assert (await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10))["last"] > 0


async def test_an_outage_drops_and_refuses_sockets(streaming: Any, venue: SimulatedExchange) -> None:
    await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10)
    waiting = await watch_in_silence(streaming, venue)
    await asyncio.to_thread(venue.control.fault, "outage")
    with pytest.raises(ccxt.NetworkError):
        await asyncio.wait_for(waiting, 10)
    with pytest.raises(ccxt.NetworkError):
        await asyncio.wait_for(streaming.watch_ticker(SYMBOL), 10)


async def test_a_terminated_user_stream_keeps_its_socket(streaming: Any, venue: SimulatedExchange) -> None:
    waiting = asyncio.ensure_future(streaming.watch_orders(SYMBOL))
    await asyncio.sleep(1)
    await asyncio.to_thread(venue.control.fault, "drop", stream="userData")
    await streaming.create_order(SYMBOL, "market", "buy", 0.001)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(waiting, 1)


async def watch_in_silence(client: Any, venue: SimulatedExchange) -> asyncio.Future[Any]:
    """A watch that no message will end: what was under way before the mute has arrived."""
    venue.control.fault("mute", stream="miniTicker")
    await asyncio.sleep(0.5)
    waiting: asyncio.Future[Any] = asyncio.ensure_future(client.watch_ticker(SYMBOL))
    await asyncio.sleep(0)
    return waiting


async def watch_for_ever(client: Any) -> None:
    while True:
        await asyncio.wait_for(client.watch_ticker(SYMBOL), 3)


def eventually(attempt: Any, attempts: int = 100) -> Any:
    """The result of `attempt` once it stops failing with an exchange's error."""
    for _ in range(attempts):
        try:
            return attempt()
        except ccxt.BaseError:
            time.sleep(0.1)
    return attempt()
