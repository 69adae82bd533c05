"""A scripted venue that speaks as much of Binance's protocol as a market order needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform_tests.support.scripted_server import ScriptedServer, scripted_server

API_KEY = "k3yOfTheOwnerThatNobodyMaySee"
API_SECRET = "s3cretOfTheOwnerThatNobodyMaySee"


def symbol_info(symbol: str, base: str, quote: str, *filters: dict[str, Any]) -> dict[str, Any]:
    """One symbol of exchangeInfo; ordinary filters unless given."""
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "filters": list(filters)
        or [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        ],
    }


def account(**balances: str) -> dict[str, Any]:
    """Answer to ``GET account``."""
    return {
        "commissionRates": {"maker": "0.00075000", "taker": "0.00100000", "buyer": "0", "seller": "0"},
        "balances": [{"asset": asset, "free": free, "locked": "0.00000000"} for asset, free in balances.items()],
    }


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        script.script["GET", "/api/v3/exchangeInfo"] = {
            "symbols": [symbol_info("BTCUSDT", "BTC", "USDT"), symbol_info("ETHUSDT", "ETH", "USDT")]
        }
        script.script["GET", "/api/v3/account"] = account(USDT="84.54000000")
        yield script


@pytest.fixture
def client(server: ScriptedServer) -> CcxtClient:
    return CcxtClient(
        VenueAccess(
            exchange_id="binance",
            name="the venue",
            read_timeout_seconds=0.5,
            send_timeout_seconds=0.5,
            base_url=server.base_url,
            api_key=SecretStr(API_KEY),
            api_secret=SecretStr(API_SECRET),
        )
    )


@pytest.fixture
def broker(client: CcxtClient) -> CcxtBroker:
    return CcxtBroker(client)


@pytest.fixture
def feed(client: CcxtClient) -> CcxtMarketFeed:
    return CcxtMarketFeed(client)


class Stopwatch:
    """Monotonic time that the test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()
