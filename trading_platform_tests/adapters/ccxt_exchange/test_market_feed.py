"""Market data as the venue published it, to the last digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform_tests.support.scripted_server import Answer, Received, ScriptedServer, refusal

KLINES, TICKERS, DEPTH = "/api/v3/klines", "/api/v3/ticker/24hr", "/api/v3/depth"
MINUTE = Interval.parse("1m")
START = datetime(2025, 3, 1, 3, 0, tzinfo=UTC)
START_MS = 1_740_798_000_000

prices = st.decimals("0.00000001", "999999999999", places=8).map(lambda price: f"{price:.8f}")


def row(minute: float, *values: Any) -> list[Any]:
    opened = START_MS + round(60_000 * minute)
    return [opened, *values, opened + 59_999, "1.0", 3, "0.5", "0.5", "0"]


def ticker(symbol: str, bid: Any, ask: Any, last: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "bidPrice": bid,
        "askPrice": ask,
        "lastPrice": last,
        "openPrice": "1.1",
        "closeTime": START_MS + 7,
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(prices, min_size=5, max_size=5), min_size=1, max_size=5), st.booleans())
def test_candles_equal_the_wires_decimals(
    feed: CcxtMarketFeed, server: ScriptedServer, values: list[list[str]], as_numbers: bool
) -> None:
    text = json.dumps([row(minute, *cells) for minute, cells in enumerate(values)])
    if as_numbers:  # as exchanges do that send JSON numbers, with more digits than a float keeps
        for cells in values:
            for cell in cells:
                text = text.replace(f'"{cell}"', cell)
    server.script["GET", KLINES] = Answer(text, headers={"Content-Type": "application/json"})
    candles = feed.candles("BTC/USDT", MINUTE, START, 1000)
    got = [[candle.open, candle.high, candle.low, candle.close, candle.volume] for candle in candles]
    assert got == [[Decimal(cell) for cell in cells] for cells in values]
    assert [candle.open_time for candle in candles] == [START + timedelta(minutes=n) for n in range(len(values))]


def test_candles_are_asked_for_by_time_and_number(feed: CcxtMarketFeed, server: ScriptedServer) -> None:
    server.script["GET", KLINES] = [row(minute, "1", "2", "1", "1", "9") for minute in range(5)]
    candles = feed.candles("BTC/USDT", MINUTE, START + timedelta(minutes=1), 3)
    asked = server.requests("GET", KLINES)[0].parameters
    assert (asked["symbol"], asked["interval"]) == ("BTCUSDT", "1m")
    assert (asked["startTime"], asked["limit"]) == (str(START_MS + 60_000), "3")
    assert [candle.open_time.minute for candle in candles] == [1, 2, 3]


@pytest.mark.parametrize(
    "rows",
    [
        [row(0, "1", "2", "1", "1")[:5]],
        [row(0, "1", "x", "1", "1", "1")],
        [row(0, "1", None, "1", "1", "1")],
        [row(0, "1", "NaN", "1", "1", "1")],
        [row(0, "1", "1e200000", "1", "1", "1")],
        [row(0, "1", "2", "1e-9999", "1", "1")],
        [row(0.5, "1", "1", "1", "1", "1")],
        [row(0, "1", "1", "1", "1", "1"), row(0, "2", "2", "2", "2", "2")],
    ],
)
def test_flawed_candles_are_not_believed(feed: CcxtMarketFeed, server: ScriptedServer, rows: Any) -> None:
    server.script["GET", KLINES] = rows
    with pytest.raises(RetryLater):
        feed.candles("BTC/USDT", MINUTE, START, 10)


@pytest.mark.parametrize("rows", [[], [["soon", "1", "2", "1", "1", "1"]], [None]])
def test_what_has_no_time_is_no_candle(feed: CcxtMarketFeed, server: ScriptedServer, rows: Any) -> None:
    server.script["GET", KLINES] = rows
    assert feed.candles("BTC/USDT", MINUTE, START, 10) == []


def test_all_tickers_come_in_one_request(feed: CcxtMarketFeed, server: ScriptedServer) -> None:
    server.script["GET", TICKERS] = [
        ticker("BTCUSDT", "83000.01000000", "83000.02000000", "83000.01500000"),
        ticker("ETHUSDT", "2000.10", "2000.20", "2000.15"),
    ]
    found = feed.tickers(["ETH/USDT", "BTC/USDT"])
    assert [(t.symbol, t.bid, t.ask, t.last) for t in found] == [
        ("ETH/USDT", Decimal("2000.10"), Decimal("2000.20"), Decimal("2000.15")),
        ("BTC/USDT", Decimal("83000.01"), Decimal("83000.02"), Decimal("83000.015")),
    ]
    assert {t.venue_time for t in found} == {START + timedelta(milliseconds=7)}
    assert len(server.requests("GET", TICKERS)) == 1
    assert json.loads(server.requests("GET", TICKERS)[0].parameters["symbols"]) == ["ETHUSDT", "BTCUSDT"]


@pytest.mark.parametrize("price", ["0.00000000", None, ""])
@pytest.mark.parametrize("side", [0, 1, 2])
def test_a_symbol_without_a_two_sided_price_is_left_out(
    feed: CcxtMarketFeed, server: ScriptedServer, side: int, price: str | None
) -> None:
    values: list[Any] = ["2000.10", "2000.20", "2000.15"]
    values[side] = price
    server.script["GET", TICKERS] = [ticker("BTCUSDT", "1", "2", "1.5"), ticker("ETHUSDT", *values)]
    assert [t.symbol for t in feed.tickers(["BTC/USDT", "ETH/USDT"])] == ["BTC/USDT"]


@pytest.mark.parametrize("nonsense", ["NaN", "dear", "1e400", [], {}])
def test_one_symbols_nonsense_costs_the_others_nothing(
    feed: CcxtMarketFeed, server: ScriptedServer, nonsense: Any
) -> None:
    told = [ticker("BTCUSDT", "1", "2", "1.5"), ticker("ETHUSDT", "2000.10", "1", nonsense)]
    server.script["GET", TICKERS] = lambda request: [
        fields for fields in told if fields["symbol"] in json.loads(request.parameters["symbols"])
    ]
    assert [t.symbol for t in feed.tickers(["BTC/USDT", "ETH/USDT"])] == ["BTC/USDT"]


def test_a_symbol_that_is_not_traded_is_left_out_and_costs_the_others_nothing(
    feed: CcxtMarketFeed, server: ScriptedServer
) -> None:
    server.script["GET", TICKERS] = [ticker("BTCUSDT", "1", "2", "1.5")]
    assert [t.symbol for t in feed.tickers(["LUNA/USDT", "BTC/USDT"])] == ["BTC/USDT"]
    with pytest.raises(FixSettings, match="LUNA/USDT"):
        feed.tickers(["LUNA/USDT"])


def test_if_the_venue_refuses_one_symbol_the_others_are_asked_for_alone(
    feed: CcxtMarketFeed, server: ScriptedServer
) -> None:
    def answer(request: Received) -> Any:
        symbols = json.loads(request.parameters["symbols"])
        return refusal(-1121, "Invalid symbol.") if "ETHUSDT" in symbols else [ticker("BTCUSDT", "1", "2", "1.5")]

    server.script["GET", TICKERS] = answer
    assert [t.symbol for t in feed.tickers(["ETH/USDT", "BTC/USDT"])] == ["BTC/USDT"]
    with pytest.raises(FixSettings, match="Invalid symbol"):
        feed.tickers(["ETH/USDT"])


def test_an_exchange_whose_tickers_hold_no_book_is_asked_for_it(feed: CcxtMarketFeed, server: ScriptedServer) -> None:
    def depth(request: Received) -> Any:
        if request.parameters["symbol"] == "ETHUSDT":
            return {"lastUpdateId": 1, "bids": [], "asks": []}
        return {"lastUpdateId": 1, "bids": [["9.5", "1"], ["10.2", "1"]], "asks": [["10.9", "1"], ["9999", "1"]]}

    server.script["GET", TICKERS] = [ticker("BTCUSDT", None, None, "10.5"), ticker("ETHUSDT", None, None, "2")]
    server.script["GET", DEPTH] = depth
    (found,) = feed.tickers(["BTC/USDT", "ETH/USDT"])
    assert (found.symbol, found.bid, found.ask, found.last) == (
        "BTC/USDT",
        Decimal("10.2"),
        Decimal("10.9"),
        Decimal("10.5"),
    )


def test_a_book_is_exact_and_in_order(feed: CcxtMarketFeed, server: ScriptedServer) -> None:
    server.script["GET", DEPTH] = {
        "lastUpdateId": 1,
        "bids": [["83000.01000000", "0.00012345"], ["83000.00000000", "1.1"]],
        "asks": [["83000.03000000", "2.00000001"], ["83000.02000000", "0.3"]],
    }
    book = feed.order_book("BTC/USDT")
    assert book.asks == ((Decimal("83000.02"), Decimal("0.3")), (Decimal("83000.03"), Decimal("2.00000001")))
    assert book.bids == ((Decimal("83000.01"), Decimal("0.00012345")), (Decimal("83000"), Decimal("1.1")))
    assert server.requests("GET", DEPTH)[0].parameters["limit"] == "100"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("<html>", 503),
        Answer(ending="reset"),
        {"lastUpdateId": 1, "bids": [["-1", "1"]], "asks": []},
        {"lastUpdateId": 1, "bids": [], "asks": [["1", "-1"]]},
        {"lastUpdateId": 1, "bids": [["NaN", "1"]], "asks": []},
    ],
)
def test_a_book_that_cannot_be_read_is_trouble(feed: CcxtMarketFeed, server: ScriptedServer, answer: Any) -> None:
    server.script["GET", DEPTH] = answer
    with pytest.raises(RetryLater):
        feed.order_book("BTC/USDT")


@pytest.mark.parametrize("answer", [[], {}, [{}], [None], [ticker("DOGEUSDT", "1", "2", "1")], Answer("[{")])
def test_an_answer_without_the_tickers_is_trouble(feed: CcxtMarketFeed, server: ScriptedServer, answer: Any) -> None:
    server.script["GET", TICKERS] = answer
    with pytest.raises(RetryLater):
        feed.tickers(["BTC/USDT"])


def test_a_symbol_that_the_venue_does_not_trade(feed: CcxtMarketFeed) -> None:
    with pytest.raises(FixSettings, match="DOGE/USDT"):
        feed.tickers(["DOGE/USDT"])
    with pytest.raises(FixSettings, match="DOGE/USDT"):
        feed.candles("DOGE/USDT", MINUTE, START, 10)


def test_an_interval_that_the_venue_does_not_serve(feed: CcxtMarketFeed, server: ScriptedServer) -> None:
    server.script["GET", KLINES] = Answer('{"code":-1120,"msg":"Invalid interval."}', 400)
    with pytest.raises(FixSettings, match=r"market\.intervals"):
        feed.candles("BTC/USDT", MINUTE, START, 10)
