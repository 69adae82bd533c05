"""Kraken and OKX: the rules, the pages and the refusals of dialects that differ from Binance's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.ccxt_exchange.clock import CcxtVenueClock
from trading_platform.adapters.ccxt_exchange.clock_offset import CcxtClockOffset
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.paper_market import paper_market
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings, RetryLater, WaitUntilAllowed
from trading_platform_tests.contracts.ccxt_sites import recent_candles
from trading_platform_tests.support.examples import MINUTE
from trading_platform_tests.support.scripted_server import ScriptedServer, json_answer, scripted_server
from trading_platform_tests.support.venues import kraken, okx

NOW = datetime.now(UTC)
HELD = recent_candles(NOW, 1000)
OHLC = "/0/public/OHLC"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        yield script


def client_of(exchange_id: str, server: ScriptedServer, teach: Callable[..., None], candles: Any = HELD) -> CcxtClient:
    teach(server, candles, NOW)
    return CcxtClient(VenueAccess(exchange_id, exchange_id, 1.0, 1.0, base_url=server.base_url))


def test_krakens_rules_hold_for_paper_orders(server: ScriptedServer) -> None:
    market = paper_market(client_of("kraken", server, kraken.teach), ["BTC/USD", "ETH/USD"])
    bitcoin, ether = market.rules
    assert (bitcoin.symbol, bitcoin.base_asset, bitcoin.quote_asset) == ("BTCUSD", "BTC", "USD")
    assert (bitcoin.tick_size, bitcoin.step_size) == (Decimal("0.1"), Decimal("0.00000001"))
    assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.00005"), Decimal("0.5"))
    assert ether.tick_size == Decimal("0.05")
    assert market.poll_seconds == 3
    (quote,) = market.fetch_quotes(["ETHUSD"])
    assert (quote.bid, quote.ask, quote.last) == (Decimal("2000.1"), Decimal("2000.2"), Decimal("2000.15"))


def test_okxs_rules_hold_for_paper_orders(server: ScriptedServer) -> None:
    market = paper_market(client_of("okx", server, okx.teach), ["BTC/USDT", "ETH/USDT"])
    bitcoin, ether = market.rules
    assert (bitcoin.symbol, bitcoin.base_asset, bitcoin.quote_asset) == ("BTCUSDT", "BTC", "USDT")
    assert (bitcoin.tick_size, bitcoin.step_size) == (Decimal("0.1"), Decimal("0.00000001"))
    assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.00001"), 0)
    assert (ether.tick_size, ether.step_size, ether.min_quantity) == (
        Decimal("0.01"),
        Decimal("0.000001"),
        Decimal("0.001"),
    )
    (quote,) = market.fetch_quotes(["BTCUSDT"])
    assert (quote.bid, quote.ask) == (Decimal("83000.0"), Decimal("83000.1"))


def test_tickers_of_all_symbols_come_in_one_request(server: ScriptedServer) -> None:
    feed = CcxtMarketFeed(client_of("okx", server, okx.teach))
    assert [ticker.symbol for ticker in feed.tickers(["ETH/USDT", "BTC/USDT"])] == ["ETH/USDT", "BTC/USDT"]
    assert len(server.requests("GET", "/api/v5/market/tickers")) == 1


def test_a_ticker_without_a_time_has_the_venues_of_its_answer(server: ScriptedServer) -> None:
    feed = CcxtMarketFeed(client_of("kraken", server, kraken.teach))
    bitcoin, ether = feed.tickers(["BTC/USD", "ETH/USD"])
    assert bitcoin.received_at >= NOW
    assert bitcoin.venue_time == bitcoin.received_at + feed.offset.certainly_ahead()
    assert (ether.bid, ether.ask, ether.last) == (Decimal("2000.1"), Decimal("2000.2"), Decimal("2000.15"))
    assert len(server.requests("GET", "/0/public/Ticker")) == 1


def test_pages_of_300_make_up_what_is_asked_for(server: ScriptedServer) -> None:
    feed = CcxtMarketFeed(client_of("okx", server, okx.teach))
    assert feed.candles("BTC/USDT", MINUTE, HELD[0].open_time, 1000) == HELD
    assert [len(server.requests("GET", path)) for path in (okx.CANDLES, okx.OLDER_CANDLES)] == [4, 0]


def test_a_hole_longer_than_a_page_is_passed_over(server: ScriptedServer) -> None:
    holed = HELD[:50] + HELD[700:]
    feed = CcxtMarketFeed(client_of("okx", server, okx.teach, holed))
    assert feed.candles("BTC/USDT", MINUTE, HELD[0].open_time, 200) == holed[:200]


def test_kraken_begins_with_the_oldest_candle_it_keeps(server: ScriptedServer) -> None:
    feed = CcxtMarketFeed(client_of("kraken", server, kraken.teach))
    assert feed.candles("BTC/USD", MINUTE, HELD[0].open_time, 1000) == HELD[-kraken.KEPT :]
    assert feed.candles("BTC/USD", MINUTE, HELD[-5].open_time, 1000) == HELD[-5:]


def test_an_interval_that_the_venue_lacks_is_named_with_those_it_has(server: ScriptedServer) -> None:
    feed = CcxtMarketFeed(client_of("kraken", server, kraken.teach))
    with pytest.raises(FixSettings, match=r"market\.intervals: kraken serves no candles of 3m, but 1m, 5m, 15m"):
        feed.candles("BTC/USD", Interval.parse("3m"), NOW, 10)


def test_a_refusal_inside_a_200_is_one(server: ScriptedServer) -> None:
    feed = CcxtMarketFeed(client_of("kraken", server, kraken.teach))
    server.script["GET", OHLC] = {"error": ["EService:Unavailable"]}
    with pytest.raises(RetryLater):
        feed.candles("BTC/USD", MINUTE, HELD[0].open_time, 10)
    server.script["GET", OHLC] = {"error": ["EGeneral:Too many requests"]}
    with pytest.raises(WaitUntilAllowed):
        feed.candles("BTC/USD", MINUTE, HELD[0].open_time, 10)
    sent = len(server.received)
    with pytest.raises(WaitUntilAllowed, match="must be left alone"):
        feed.tickers(["BTC/USD"])
    assert len(server.received) == sent


def test_okxs_limit_asks_for_silence(server: ScriptedServer) -> None:
    feed = CcxtMarketFeed(client_of("okx", server, okx.teach))
    server.script["GET", okx.CANDLES] = json_answer({"code": "50011", "msg": "Rate limit reached.", "data": []}, 429)
    with pytest.raises(WaitUntilAllowed):
        feed.candles("BTC/USDT", MINUTE, HELD[-5].open_time, 10)


@pytest.mark.parametrize(("exchange_id", "teach"), [("kraken", kraken.teach), ("okx", okx.teach)])
def test_the_venues_clock_is_read(server: ScriptedServer, exchange_id: str, teach: Callable[..., None]) -> None:
    reading = CcxtVenueClock(CcxtClockOffset(client_of(exchange_id, server, teach))).read()
    assert reading.now <= reading.wall
