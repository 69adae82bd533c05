"""The exchange's own client, `binance-sdk-spot`: it logs a warning for each field of a wrong type."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_spot.spot import Spot

from trading_platform_tests.support.simulated import SimulatedExchange

pytestmark = pytest.mark.integration


@pytest.fixture
def spot(venue: SimulatedExchange) -> Any:
    socket_url = venue.base_url.replace("http", "ws")
    return Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=venue.api_key, api_secret=venue.api_secret, base_path=venue.base_url, retries=0
        ),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=venue.api_key, api_secret=venue.api_secret, stream_url=f"{socket_url}/ws-api/v3"
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{socket_url}/stream"),
    )


@pytest.fixture(autouse=True)
def no_warnings(caplog: pytest.LogCaptureFixture) -> Any:
    """Fail a test in which the client complained about the server's answers."""
    with caplog.at_level(logging.WARNING):
        yield
    complaints = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert complaints == []


def passive(spot: Any, share: float) -> float:
    price = spot.rest_api.ticker_price(symbol="BTCUSDT").data().actual_instance.price
    return round(float(price) * share, 2)


def test_public_requests(spot: Any) -> None:
    rest = spot.rest_api
    assert rest.time().data().server_time > 0
    assert [s.symbol for s in rest.exchange_info(symbol="BTCUSDT").data().symbols] == ["BTCUSDT"]
    assert len(rest.klines(symbol="BTCUSDT", interval="1m", limit=3).data()) == 3
    assert len(rest.ui_klines(symbol="BTCUSDT", interval="1m", limit=3).data()) == 3
    assert len(rest.depth(symbol="BTCUSDT", limit=5).data().bids) == 5
    assert rest.avg_price(symbol="BTCUSDT").data().mins == 5
    assert rest.get_trades(symbol="BTCUSDT", limit=2).data() is not None
    assert rest.agg_trades(symbol="BTCUSDT", limit=2).data() is not None
    assert rest.ticker24hr(symbol="BTCUSDT").data().actual_instance.symbol == "BTCUSDT"
    assert len(rest.ticker24hr().data().actual_instance) == 3
    assert len(rest.ticker_price(symbols=["BTCUSDT", "ETHUSDT"]).data().actual_instance) == 2
    assert rest.ticker_book_ticker(symbol="BTCUSDT").data().actual_instance.bid_price is not None


def test_an_orders_life(spot: Any) -> None:
    rest = spot.rest_api
    bought = rest.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.001).data()
    assert bought.status == "FILLED"
    assert bought.fills
    resting = rest.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.001,
        price=passive(spot, 0.9), new_client_order_id="sdk-1", new_order_resp_type="RESULT",
    ).data()  # fmt: skip
    assert resting.status == "NEW"
    assert rest.get_order(symbol="BTCUSDT", orig_client_order_id="sdk-1").data().status == "NEW"
    assert len(rest.get_open_orders(symbol="BTCUSDT").data()) == 1
    cancelled = rest.delete_order(symbol="BTCUSDT", order_id=resting.order_id).data()
    assert (cancelled.status, cancelled.orig_client_order_id) == ("CANCELED", "sdk-1")
    assert any(o.order_id == resting.order_id for o in rest.all_orders(symbol="BTCUSDT").data())
    assert any(t.order_id == bought.order_id for t in rest.my_trades(symbol="BTCUSDT").data())
    rest.order_test(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.001)


def test_an_order_list(spot: Any) -> None:
    rest = spot.rest_api
    placed = rest.order_list_oco(
        symbol="BTCUSDT", side="SELL", quantity=0.001,
        above_type="TAKE_PROFIT", above_stop_price=passive(spot, 1.05),
        below_type="STOP_LOSS_LIMIT", below_stop_price=passive(spot, 0.95),
        below_price=passive(spot, 0.94), below_time_in_force="GTC",
    ).data()  # fmt: skip
    assert len(placed.order_reports) == 2
    assert rest.get_order_list(order_list_id=placed.order_list_id).data().list_order_status == "EXECUTING"
    assert len(rest.open_order_list().data()) == 1
    cancelled = rest.delete_order_list(symbol="BTCUSDT", order_list_id=placed.order_list_id).data()
    assert cancelled.list_order_status == "ALL_DONE"
    assert rest.all_order_list().data()


def test_an_account(spot: Any) -> None:
    rest = spot.rest_api
    assert rest.get_account(omit_zero_balances=True).data().balances
    assert rest.account_commission(symbol="BTCUSDT").data().standard_commission.taker == "0.00100000"
    assert {limit.rate_limit_type for limit in rest.rate_limit_order().data()} == {"ORDERS"}


def test_refusals_have_their_classes(venue: SimulatedExchange, spot: Any) -> None:
    with pytest.raises(BadRequestError, match=r"LOT_SIZE|precision|NOTIONAL"):
        spot.rest_api.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.000105)
    stranger: Any = Spot(
        config_rest_api=ConfigurationRestAPI(api_key="stranger", api_secret="none", base_path=venue.base_url, retries=0)
    )
    with pytest.raises(UnauthorizedError):
        stranger.rest_api.get_account()


async def test_streams(spot: Any) -> None:
    connection = await spot.websocket_streams.create_connection()
    heard: dict[str, asyncio.Event] = {}

    def listen(name: str, stream: Any) -> None:
        event = heard[name] = asyncio.Event()
        stream.on("message", lambda _: event.set())

    try:
        listen("ticker", await connection.ticker(symbol="btcusdt"))
        listen("mini", await connection.mini_ticker(symbol="btcusdt"))
        listen("book", await connection.book_ticker(symbol="btcusdt"))
        listen("kline", await connection.kline(symbol="btcusdt", interval="1m"))
        await asyncio.sleep(1)
        listen("depth", await connection.partial_book_depth(symbol="btcusdt", levels="5"))
        async with asyncio.timeout(15):
            for event in heard.values():
                await event.wait()
    finally:
        await connection.close_connection(close_session=True)


async def test_ws_api_and_user_events(spot: Any) -> None:
    connection = await spot.websocket_api.create_connection()
    events: asyncio.Queue[Any] = asyncio.Queue()
    try:
        assert (await connection.time()).data().result.server_time > 0
        subscription = await connection.user_data_stream_subscribe_signature()
        subscription.stream.on("message", events.put_nowait)
        placed = await connection.order_place(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.001)
        order_id = placed.data().result.order_id
        status = await connection.order_status(symbol="BTCUSDT", order_id=order_id)
        assert status.data().result.status == "FILLED"
        assert (await connection.account_status()).data().result.balances
        async with asyncio.timeout(10):
            kinds = {type((await events.get()).actual_instance).__name__ for _ in range(3)}
        assert {"ExecutionReport", "OutboundAccountPosition"} <= kinds
    finally:
        await connection.close_connection(close_session=True)
