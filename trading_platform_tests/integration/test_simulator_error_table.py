"""What ccxt makes of each refusal of a new order, synchronous and asynchronous: the platform relies on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import ccxt
import pytest

from trading_platform_tests.support.simulated import SimulatedExchange

pytestmark = pytest.mark.integration

SYMBOL = "BTC/USDT"
REFUSALS = [
    (-1013, "Filter failure: LOT_SIZE", ccxt.InvalidOrder),
    (-1013, "Filter failure: MARKET_LOT_SIZE", ccxt.InvalidOrder),
    (-1013, "Filter failure: PRICE_FILTER", ccxt.InvalidOrder),
    (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", ccxt.InvalidOrder),
    (-1013, "Filter failure: NOTIONAL", ccxt.BadRequest),
    (-1013, "Filter failure: MIN_NOTIONAL", ccxt.BadRequest),
    (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS", ccxt.BadRequest),
    (-1111, "Parameter 'quantity' has too much precision.", ccxt.BadRequest),
    (-1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'.", ccxt.BadRequest),
    (-2010, "Account has insufficient balance for requested action.", ccxt.InsufficientFunds),
    (-2010, "Duplicate order sent.", ccxt.InvalidOrder),
    (-2010, "This symbol is restricted for this account.", ccxt.InvalidOrder),
    (-1021, "Timestamp for this request is outside of the recvWindow.", ccxt.InvalidNonce),
    (-1022, "Signature for this request is not valid.", ccxt.AuthenticationError),
    (-2013, "Order does not exist.", ccxt.OrderNotFound),
    (-2011, "Unknown order sent.", ccxt.OrderNotFound),
]


@pytest.fixture
def client(venue: SimulatedExchange) -> Iterator[Any]:
    binance = venue.ccxt_sync()
    binance.load_markets()
    yield binance
    binance.close()


@pytest.fixture
async def async_client(venue: SimulatedExchange) -> AsyncIterator[Any]:
    binance = venue.ccxt_async()
    await binance.load_markets()
    yield binance
    await binance.close()


@pytest.mark.parametrize(("code", "message", "expected"), REFUSALS)
def test_a_refusal_in_the_synchronous_client(
    client: Any, venue: SimulatedExchange, code: int, message: str, expected: type[Exception]
) -> None:
    venue.control.fault("reject_order", code=code, message=message, count=1)
    with pytest.raises(expected) as caught:
        client.create_order(SYMBOL, "market", "buy", 0.001)
    assert type(caught.value) is expected


@pytest.mark.parametrize(("code", "message", "expected"), REFUSALS)
async def test_a_refusal_in_the_asynchronous_client(
    async_client: Any, venue: SimulatedExchange, code: int, message: str, expected: type[Exception]
) -> None:
    venue.control.fault("reject_order", code=code, message=message, count=1)
    with pytest.raises(expected) as caught:
        await async_client.create_order(SYMBOL, "market", "buy", 0.001)
    assert type(caught.value) is expected


def test_a_key_that_worked_before_and_is_refused_looks_like_a_limit(client: Any, venue: SimulatedExchange) -> None:
    assert client.fetch_balance()["USDT"]["total"] > 0
    venue.control.fault("reject_order", code=-2015, message="Invalid API-key, IP, or permissions for action.", count=1)
    with pytest.raises(ccxt.DDoSProtection):
        client.create_order(SYMBOL, "market", "buy", 0.001)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("cut", ccxt.ExchangeNotAvailable), ("cut_body", ccxt.ExchangeError), ("504", ccxt.RequestTimeout)],
)
async def test_a_lost_answer_in_the_asynchronous_client(
    async_client: Any, venue: SimulatedExchange, shape: str, expected: type[Exception]
) -> None:
    name = f"lostAsync{shape.replace('_', '')}"
    venue.control.fault("lose_answer", shape=shape, count=1)
    with pytest.raises(expected) as caught:
        await async_client.create_order(SYMBOL, "market", "buy", 0.001, params={"clientOrderId": name})
    assert type(caught.value) is expected
    found = await async_client.fetch_order(None, SYMBOL, {"clientOrderId": name})
    assert found["status"] == "closed"


@pytest.mark.parametrize("status", [524, 599])
async def test_unlisted_statuses_give_an_exception_or_an_order_without_id(
    client: Any, async_client: Any, venue: SimulatedExchange, status: int
) -> None:
    venue.control.fault("status", status=status, endpoint="order_placement", count=2)
    with pytest.raises(ccxt.ExchangeError):
        client.create_order(SYMBOL, "market", "buy", 0.001)
    order = await async_client.create_order(SYMBOL, "market", "buy", 0.001)
    assert order["id"] is None


async def test_a_rejected_user_stream_is_ccxts_key_error(venue: SimulatedExchange) -> None:
    stranger = venue.ccxt_pro(apiKey="unknown")
    try:
        await stranger.load_markets()
        with pytest.raises(KeyError):
            await stranger.watch_orders(SYMBOL)
    finally:
        await stranger.close()
