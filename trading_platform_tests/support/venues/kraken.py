"""Kraken's dialect: assets called XBT, pairs by three names, seconds, no ticker times, 720 candles and no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trading_platform.domain.candle import Candle
from trading_platform_tests.support.scripted_server import Received, ScriptedServer

KEPT = 720

ASSETS = {
    "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"},
    "XETH": {"aclass": "currency", "altname": "ETH", "decimals": 10, "display_decimals": 5, "status": "enabled"},
    "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2, "status": "enabled"},
}


def pair(base: str, altname: str, price_decimals: int, tick: str, least: str) -> dict[str, Any]:
    """One entry of AssetPairs, quoted in US dollars; the fees are JSON numbers."""
    return {
        "altname": altname,
        "wsname": f"{altname.removesuffix('USD')}/USD",
        "aclass_base": "currency",
        "base": base,
        "aclass_quote": "currency",
        "quote": "ZUSD",
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": price_decimals,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "leverage_buy": [2, 3],
        "leverage_sell": [2, 3],
        "fees": [[0, 0.4], [10000, 0.35]],
        "fees_maker": [[0, 0.25], [10000, 0.2]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": least,
        "costmin": "0.5",
        "tick_size": tick,
        "status": "online",
    }


PAIRS = {
    "XXBTZUSD": pair("XXBT", "XBTUSD", 1, "0.1", "0.00005"),
    "XETHZUSD": pair("XETH", "ETHUSD", 2, "0.05", "0.002"),
}
TICKERS = {
    "XXBTZUSD": ("83000.10000", "83000.00000", "83000.10000"),
    "XETHZUSD": ("2000.20000", "2000.10000", "2000.15000"),
}

BOOK = {
    "asks": [["83000.10000", "0.500", 1700000000], ["83001.00000", "2.000", 1700000000]],
    "bids": [["83000.00000", "1.250", 1700000000], ["82999.90000", "0.004", 1700000000]],
}


def answer(result: Any) -> dict[str, Any]:
    """A success; what failed has texts in ``error``, with HTTP 200 all the same."""
    return {"error": [], "result": result}


def teach(server: ScriptedServer, candles: Sequence[Candle], now: datetime) -> None:
    """Make the server a Kraken that has these candles of BTC/USD at one minute, the last of them in progress."""

    def ohlc(request: Received) -> Any:
        after = int(request.parameters.get("since", "0"))
        assert (request.parameters["pair"], request.parameters["interval"]) == ("XXBTZUSD", "1")
        rows = [_row(candle) for candle in candles[-KEPT:]]
        return answer({"XXBTZUSD": [row for row in rows if row[0] > after], "last": rows[-2][0]})

    def ticker(request: Received) -> Any:
        return answer({name: _ticker(*TICKERS[name]) for name in request.parameters["pair"].split(",")})

    server.script.update(
        {
            ("GET", "/0/public/Assets"): answer(ASSETS),
            ("GET", "/0/public/AssetPairs"): answer(PAIRS),
            ("GET", "/0/public/OHLC"): ohlc,
            ("GET", "/0/public/Ticker"): ticker,
            ("GET", "/0/public/Depth"): lambda request: answer({request.parameters["pair"]: BOOK}),
            ("GET", "/0/public/Time"): answer({"unixtime": int(now.timestamp()), "rfc1123": "not read"}),
        }
    )


def _row(candle: Candle) -> list[Any]:
    prices = [str(price) for price in (candle.open, candle.high, candle.low, candle.close)]
    return [int(candle.open_time.timestamp()), *prices, str(candle.close), str(candle.volume), 12]


def _ticker(ask: str, bid: str, last: str) -> dict[str, Any]:
    twice = [last, last]
    return {
        "a": [ask, "1", "1.000"],
        "b": [bid, "2", "2.000"],
        "c": [last, "0.00067643"],
        "v": ["100.1", "200.2"],
        "p": twice,
        "t": [10, 20],
        "l": twice,
        "h": twice,
        "o": last,
    }
