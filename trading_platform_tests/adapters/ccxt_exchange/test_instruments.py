"""The exchange's rules, the tighter ones where several apply."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import MARKETS_LIFETIME_SECONDS, CcxtClient
from trading_platform.adapters.ccxt_exchange.instruments import unified_instrument
from trading_platform.adapters.ccxt_exchange.paper_market import paper_market
from trading_platform.domain.errors import RetryLater, SymbolNotTraded
from trading_platform_tests.adapters.ccxt_exchange.conftest import account, symbol_info
from trading_platform_tests.support.scripted_server import ScriptedServer

EXCHANGE_INFO = "/api/v3/exchangeInfo"


def price_filter(tick: str) -> dict[str, Any]:
    return {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000", "tickSize": tick}


def lot(name: str, least: str, most: str, step: str) -> dict[str, Any]:
    return {"filterType": name, "minQty": least, "maxQty": most, "stepSize": step}


def test_the_tighter_lot_filter_counts(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", EXCHANGE_INFO] = {
        "symbols": [
            symbol_info(
                "BTCUSDT",
                "BTC",
                "USDT",
                price_filter("0.01000000"),
                lot("LOT_SIZE", "0.00001000", "9000.00000000", "0.00001000"),
                lot("MARKET_LOT_SIZE", "0.00000000", "119.34001345", "0.00010000"),
                {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
                {"filterType": "MIN_NOTIONAL", "minNotional": "10.00000000"},
            )
        ]
    }
    instrument = broker.instruments(["BTC/USDT"])["BTC/USDT"]
    assert (instrument.base, instrument.quote) == ("BTC", "USDT")
    assert instrument.tick_size == Decimal("0.01")
    assert instrument.lot_step == Decimal("0.0001")
    assert instrument.min_quantity == Decimal("0.00001")
    assert instrument.max_quantity == Decimal("119.34001345")
    assert instrument.min_notional_quote == 10
    assert (instrument.maker_fee_rate, instrument.taker_fee_rate) == (Decimal("0.00075"), Decimal("0.001"))


def test_what_bounds_prices_orders_and_positions(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", EXCHANGE_INFO] = {
        "symbols": [
            symbol_info(
                "BTCUSDT",
                "BTC",
                "USDT",
                price_filter("0.01000000"),
                lot("LOT_SIZE", "0.00001000", "9000.00000000", "0.00001000"),
                {
                    "filterType": "PERCENT_PRICE_BY_SIDE",
                    "bidMultiplierUp": "1.2",
                    "bidMultiplierDown": "0.5",
                    "askMultiplierUp": "2",
                    "askMultiplierDown": "0.8",
                },
                {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000", "applyMaxToMarket": True},
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
                {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
                {"filterType": "MAX_POSITION", "maxPosition": "100.00000000"},
            )
        ]
    }
    found = broker.instruments(["BTC/USDT"])["BTC/USDT"]
    assert (found.min_price, found.max_price) == (Decimal("0.01"), 1000)
    assert (found.min_sell_price_ratio, found.max_sell_price_ratio) == (Decimal("0.8"), 2)
    assert (found.max_orders, found.max_algo_orders, found.max_position) == (200, 5, 100)
    assert found.max_notional_quote == 9_000_000


def test_what_the_venue_does_not_state_bounds_nothing(broker: CcxtBroker, server: ScriptedServer) -> None:
    filters = [
        {**price_filter("0.01"), "maxPrice": "0.00000000"},
        {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000", "applyMaxToMarket": False},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2"},
    ]
    server.script["GET", EXCHANGE_INFO] = {"symbols": [symbol_info("BTCUSDT", "BTC", "USDT", *filters)]}
    found = broker.instruments(["BTC/USDT"])["BTC/USDT"]
    assert (found.max_price, found.max_orders, found.max_algo_orders, found.max_position) == (None,) * 4
    assert found.max_notional_quote is None  # it binds limit orders only, and those here are small
    assert (found.min_sell_price_ratio, found.max_sell_price_ratio) == (Decimal("0.2"), 5)


def test_a_zero_maximum_is_no_bound(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", EXCHANGE_INFO] = {
        "symbols": [
            symbol_info("BTCUSDT", "BTC", "USDT", price_filter("0.01"), lot("LOT_SIZE", "0.1", "0.00000000", "0.1"))
        ]
    }
    instrument = broker.instruments(["BTC/USDT"])["BTC/USDT"]
    assert instrument.max_quantity is None
    assert instrument.min_notional_quote == 0


def test_rules_are_kept_for_an_hour(client: CcxtClient, server: ScriptedServer) -> None:
    now = 0.0
    broker = CcxtBroker(CcxtClient(client.access, lambda: now))
    broker.instruments(["BTC/USDT"])
    now = MARKETS_LIFETIME_SECONDS
    broker.instruments(["BTC/USDT", "ETH/USDT"])
    assert len(server.requests("GET", EXCHANGE_INFO)) == 1
    assert len(server.requests("GET", "/api/v3/account")) == 1
    now += 1
    broker.instruments(["BTC/USDT"])
    assert len(server.requests("GET", EXCHANGE_INFO)) == 2
    assert len(server.requests("GET", "/api/v3/account")) == 2


def test_a_symbol_that_the_venue_does_not_trade(broker: CcxtBroker) -> None:
    with pytest.raises(SymbolNotTraded, match=r"the venue doesn't trade DOGE/USDT .*market\.symbols"):
        broker.instruments(["BTC/USDT", "DOGE/USDT"])


@pytest.mark.parametrize("answer", [{}, {"symbols": []}, [], {"symbols": [{"symbol": "BTCUSDT"}]}])
def test_an_answer_without_markets_is_not_believed(broker: CcxtBroker, server: ScriptedServer, answer: Any) -> None:
    whole = server.script["GET", EXCHANGE_INFO]
    server.script["GET", EXCHANGE_INFO] = answer
    with pytest.raises(RetryLater):
        broker.instruments(["BTC/USDT"])
    server.script["GET", EXCHANGE_INFO] = whole
    assert "BTC/USDT" in broker.instruments(["BTC/USDT"])


def test_nothing_but_one_request_is_needed_for_the_markets(client: CcxtClient, server: ScriptedServer) -> None:
    client.markets()
    assert [request.path for request in server.received] == [EXCHANGE_INFO]


def test_assets_with_nothing_are_left_out(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", "/api/v3/account"] = account(USDT="84.54000000", BTC="0.00000000", SOL="0.00000001")
    balances = broker.balances()
    assert {asset: balance.total for asset, balance in balances.items()} == {
        "USDT": Decimal("84.54"),
        "SOL": Decimal("1E-8"),
    }


@pytest.mark.parametrize(
    ("precision", "is_step", "step"),
    [("0.001", True, "0.001"), ("3", False, "0.001"), ("0", False, "1"), (None, True, "0"), (None, False, "0")],
)
def test_both_ways_of_stating_a_precision(precision: str | None, is_step: bool, step: str) -> None:
    market = {
        "symbol": "BTC/EUR",
        "base": "BTC",
        "quote": "EUR",
        "precision": {"price": precision, "amount": precision},
        "limits": {"amount": {"min": "0.0001", "max": None}, "cost": {"min": None}},
        "taker": 0.0026,
        "maker": 0.0016,
    }
    instrument = unified_instrument(market, is_step)
    assert instrument.lot_step == instrument.tick_size == Decimal(step)
    assert instrument.min_quantity == Decimal("0.0001")
    assert instrument.max_quantity is None
    assert instrument.min_notional_quote == 0
    assert instrument.taker_fee_rate == Decimal("0.0026")


def test_paper_orders_are_held_to_the_venues_rules(client: CcxtClient) -> None:
    (rules,) = paper_market(client, ["BTC/USDT"]).rules
    assert (rules.symbol, rules.base_asset, rules.quote_asset) == ("BTCUSDT", "BTC", "USDT")
    assert (rules.tick_size, rules.step_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert (rules.min_quantity, rules.max_market_quantity) == (Decimal("0.00001"), Decimal(9000))
    assert rules.min_notional == 5
