"""ccxt's own synchronous and asynchronous clients, unmodified but for the URLs, against the simulator."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from trading_platform_tests.support.simulated import SimulatedExchange

pytestmark = pytest.mark.integration

SYMBOL = "BTC/USDT"
MINUTE_MS = 60_000


@pytest.fixture
def client(venue: SimulatedExchange) -> Iterator[Any]:
    binance = venue.ccxt_sync()
    binance.load_markets()
    yield binance
    binance.close()


def passive_price(client: Any, share: str) -> float:
    last = Decimal(str(client.fetch_ticker(SYMBOL)["last"]))
    return float(client.price_to_precision(SYMBOL, float(last * Decimal(share))))


def test_markets_carry_the_exchanges_filters(client: Any) -> None:
    market = client.market(SYMBOL)
    assert market["spot"]
    assert market["active"]
    assert market["precision"]["price"] > 0
    assert market["limits"]["cost"]["min"] == 5
    assert set(client.symbols) == {"BTC/USDT", "ETH/USDT", "SOL/USDT"}


def test_candles_are_on_their_grid_and_only_the_last_is_open(client: Any) -> None:
    candles = client.fetch_ohlcv(SYMBOL, "1m", limit=500)
    opens = [candle[0] for candle in candles]
    assert len(candles) == 500
    assert [b - a for a, b in itertools.pairwise(opens)] == [MINUTE_MS] * 499
    assert all(low <= min(o, c) and max(o, c) <= high for _, o, high, low, c, _ in candles)


def test_candles_can_be_asked_for_by_time(client: Any) -> None:
    newest = client.fetch_ohlcv(SYMBOL, "1m", limit=10)
    since = newest[3][0]
    page = client.fetch_ohlcv(SYMBOL, "1m", since=since, limit=4)
    assert [candle[0] for candle in page] == [candle[0] for candle in newest[3:7]]


def test_prices_agree_with_each_other(client: Any) -> None:
    ticker = client.fetch_ticker(SYMBOL)
    book = client.fetch_order_book(SYMBOL, 20)
    assert 0 < ticker["bid"] < ticker["ask"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(client.fetch_tickers()) == 3
    assert len(client.fetch_bids_asks()) == 3
    assert client.fetch_trades(SYMBOL, limit=5)[-1]["price"] > 0
    assert abs(client.fetch_time() - client.milliseconds()) < 5_000


def test_a_market_order_fills_and_the_books_balance(client: Any, venue: SimulatedExchange) -> None:
    before = client.fetch_balance()
    order = client.create_order(SYMBOL, "market", "buy", 0.001, params={"clientOrderId": "market1"})
    after = client.fetch_balance()
    fee = sum(Decimal(str(trade["fee"]["cost"])) for trade in order["trades"])
    assert (order["status"], order["filled"]) == ("closed", 0.001)
    gained = Decimal(str(after["BTC"]["total"])) - Decimal(str(before["BTC"]["total"]))
    assert gained == Decimal("0.001") - fee
    spent = Decimal(str(before["USDT"]["total"])) - Decimal(str(after["USDT"]["total"]))
    assert spent == Decimal(str(order["cost"]))
    assert all(asset["balanced"] for asset in venue.control.get("audit").values())


def test_a_cost_order_spends_no_more_than_asked(client: Any) -> None:
    order = client.create_market_buy_order_with_cost(SYMBOL, 50)
    assert order["status"] == "closed"
    assert 45 < order["cost"] <= 50


def test_a_limit_order_lives_and_is_cancelled(client: Any) -> None:
    price = passive_price(client, "0.9")
    order = client.create_order(SYMBOL, "limit", "buy", 0.001, price, {"clientOrderId": "rest1"})
    assert order["status"] == "open"
    assert client.fetch_balance()["USDT"]["used"] == pytest.approx(0.001 * price)
    assert [o["id"] for o in client.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert client.fetch_order(None, SYMBOL, {"clientOrderId": "rest1"})["id"] == order["id"]
    assert client.cancel_order(order["id"], SYMBOL)["status"] == "canceled"
    assert client.fetch_order(order["id"], SYMBOL)["status"] == "canceled"
    assert client.fetch_balance()["USDT"]["used"] == 0


def test_cancelling_by_client_id_and_all_at_once(client: Any) -> None:
    price = passive_price(client, "0.9")
    client.create_order(SYMBOL, "limit", "buy", 0.001, price, {"clientOrderId": "many1"})
    client.create_order(SYMBOL, "limit", "buy", 0.001, price, {"clientOrderId": "many2"})
    client.cancel_order_with_client_order_id("many1", SYMBOL)
    cancelled = client.cancel_all_orders(SYMBOL)
    assert [order["clientOrderId"] for order in cancelled] != []
    assert client.fetch_open_orders(SYMBOL) == []


def test_stops_wait_for_their_price(client: Any) -> None:
    stop = passive_price(client, "0.95")
    order = client.create_order(SYMBOL, "market", "sell", 0.001, params={"stopLossPrice": stop})
    found = client.fetch_order(order["id"], SYMBOL)
    assert (found["status"], found["triggerPrice"]) == ("open", stop)


def test_an_oco_lists_both_legs_and_dies_as_one(client: Any) -> None:
    above, below = passive_price(client, "1.05"), passive_price(client, "0.95")
    placed = client.privatePostOrderListOco(
        {
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.001",
            "aboveType": "LIMIT_MAKER", "abovePrice": client.price_to_precision(SYMBOL, above),
            "belowType": "STOP_LOSS", "belowStopPrice": client.price_to_precision(SYMBOL, below),
        }
    )  # fmt: skip
    assert placed["contingencyType"] == "OCO"
    assert len(client.fetch_open_orders(SYMBOL)) == 2
    client.cancel_order(placed["orders"][0]["orderId"], SYMBOL)
    assert client.fetch_open_orders(SYMBOL) == []
    found = client.privateGetOrderList({"orderListId": placed["orderListId"]})
    assert found["listOrderStatus"] == "ALL_DONE"


def test_fills_and_fees_are_reported(client: Any) -> None:
    order = client.create_order(SYMBOL, "market", "buy", 0.001)
    trades = client.fetch_order_trades(order["id"], SYMBOL)
    assert sum(Decimal(str(trade["amount"])) for trade in trades) == Decimal("0.001")
    assert {trade["fee"]["currency"] for trade in trades} == {"BTC"}
    assert client.fetch_trading_fee(SYMBOL)["taker"] == 0.001
    assert order["id"] in {trade["order"] for trade in client.fetch_my_trades(SYMBOL)}
    assert order["id"] in {found["id"] for found in client.fetch_closed_orders(SYMBOL)}


def test_a_test_order_places_nothing(client: Any) -> None:
    before = client.fetch_balance()["USDT"]
    client.create_order(SYMBOL, "market", "buy", 0.001, params={"test": True})
    assert client.fetch_balance()["USDT"] == before


def test_default_options_of_a_keyed_client_work(venue: SimulatedExchange) -> None:
    client = venue.ccxt_sync(options={"fetchMarkets": {"types": ["spot"]}})
    assert SYMBOL in client.load_markets()
    assert client.currencies["BTC"]["code"] == "BTC"


async def test_the_asynchronous_client_trades(venue: SimulatedExchange) -> None:
    client = venue.ccxt_async()
    try:
        await client.load_markets()
        assert len(await client.fetch_ohlcv(SYMBOL, "1m", limit=3)) == 3
        order = await client.create_order(SYMBOL, "market", "buy", 0.001)
        assert order["status"] == "closed"
        ticker = await client.fetch_ticker(SYMBOL)
        price = float(client.price_to_precision(SYMBOL, ticker["last"] * 0.9))
        resting = await client.create_order(SYMBOL, "limit", "buy", 0.001, price)
        assert (await client.cancel_order(resting["id"], SYMBOL))["status"] == "canceled"
    finally:
        await client.close()


REJECTIONS = [
    ("below the lot size", lambda c: c.privatePostOrder(_order(quantity="0.0000001")), ccxt.BaseError),
    ("below the notional", lambda c: c.privatePostOrder(_order(quantity="0.00001")), ccxt.BadRequest),
    ("too much", lambda c: c.privatePostOrder(_order(quantity="5")), ccxt.InsufficientFunds),
    ("unknown symbol", lambda c: c.privatePostOrder(_order(symbol="NOPEUSDT")), ccxt.BadSymbol),
    ("unknown order", lambda c: c.fetch_order("999999999", SYMBOL), ccxt.OrderNotFound),
    ("nothing to cancel", lambda c: c.cancel_order("999999999", SYMBOL), ccxt.OrderNotFound),
    ("unknown parameter", lambda c: c.privatePostOrder(_order(surprise="1")), ccxt.BadRequest),
    ("bad side", lambda c: c.privatePostOrder(_order(side="HOLD")), ccxt.BadRequest),
]  # fmt: skip


def _order(**changes: str) -> dict[str, str]:
    return {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"} | changes


@pytest.mark.parametrize(("request_", "expected"), [r[1:] for r in REJECTIONS], ids=[r[0] for r in REJECTIONS])
def test_rejections_are_the_exceptions_ccxt_raises_in_life(
    client: Any, request_: Any, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        request_(client)


def test_a_client_id_in_use_is_refused(client: Any) -> None:
    price = passive_price(client, "0.9")
    client.create_order(SYMBOL, "limit", "buy", 0.001, price, {"clientOrderId": "taken1"})
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        client.create_order(SYMBOL, "limit", "buy", 0.001, price, {"clientOrderId": "taken1"})


def test_a_forged_signature_and_a_foreign_key_are_refused(venue: SimulatedExchange) -> None:
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        venue.ccxt_sync(secret="wrong").fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        venue.ccxt_sync(apiKey="unknown").fetch_balance()
