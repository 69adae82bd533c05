"""OKX's dialect: BTC-USDT, everything text, the newest candle first, requests about a stretch of time, 300 at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trading_platform.domain.candle import Candle, Interval
from trading_platform_tests.support.scripted_server import Received, ScriptedServer

AT_ONCE = 300
CANDLES, OLDER_CANDLES = "/api/v5/market/candles", "/api/v5/market/history-candles"


def instrument(name: str, tick: str, lot: str, least: str) -> dict[str, Any]:
    """One spot instrument; what doesn't apply to spot is an empty text."""
    base, quote = name.split("-")
    return {
        "instType": "SPOT",
        "instId": name,
        "baseCcy": base,
        "quoteCcy": quote,
        "category": "1",
        "ctVal": "",
        "ctMult": "",
        "ctType": "",
        "ctValCcy": "",
        "settleCcy": "",
        "uly": "",
        "instFamily": "",
        "expTime": "",
        "stk": "",
        "optType": "",
        "lever": "10",
        "listTime": "1548133413000",
        "tickSz": tick,
        "lotSz": lot,
        "minSz": least,
        "maxLmtSz": "9999999999",
        "maxMktSz": "1000000",
        "state": "live",
    }


INSTRUMENTS = [
    instrument("BTC-USDT", "0.1", "0.00000001", "0.00001"),
    instrument("ETH-USDT", "0.01", "0.000001", "0.001"),
]


def answer(data: list[Any]) -> dict[str, Any]:
    """A success."""
    return {"code": "0", "msg": "", "data": data}


def ticker(name: str, bid: str, ask: str, last: str, at_ms: int) -> dict[str, Any]:
    """One entry of the answer that always holds all instruments."""
    return {
        "instType": "SPOT",
        "instId": name,
        "last": last,
        "lastSz": "0.1",
        "askPx": ask,
        "askSz": "1",
        "bidPx": bid,
        "bidSz": "2",
        "open24h": last,
        "high24h": last,
        "low24h": last,
        "volCcy24h": "1000",
        "vol24h": "10",
        "sodUtc0": last,
        "sodUtc8": last,
        "ts": str(at_ms),
    }


BOOK = {
    "asks": [["83000.1", "0.5", "0", "3"], ["83001", "2", "0", "1"]],
    "bids": [["83000", "1.25", "0", "7"], ["82999.9", "0.004", "0", "1"]],
}


def teach(server: ScriptedServer, candles: Sequence[Candle], now: datetime) -> None:
    """Make the server an OKX that has these candles of BTC-USDT at one minute, the last of them in progress."""
    now_ms = int(now.timestamp() * 1000)

    def stretch(request: Received) -> Any:
        asked = request.parameters
        assert (asked["instId"], asked["bar"]) == ("BTC-USDT", "1m")
        newest_first = [_row(candle, now) for candle in reversed(candles)]
        inside = [row for row in newest_first if int(asked["before"]) < int(row[0]) < int(asked["after"])]
        return answer(inside[: min(int(asked["limit"]), AT_ONCE)])

    server.script.update(
        {
            ("GET", "/api/v5/public/instruments"): answer(INSTRUMENTS),
            ("GET", CANDLES): stretch,
            ("GET", OLDER_CANDLES): stretch,
            ("GET", "/api/v5/market/books"): answer([{**BOOK, "ts": str(now_ms)}]),
            ("GET", "/api/v5/public/time"): answer([{"ts": str(now_ms)}]),
            ("GET", "/api/v5/market/tickers"): answer(
                [
                    ticker("BTC-USDT", "83000.0", "83000.1", "83000.05", now_ms),
                    ticker("ETH-USDT", "2000.10", "2000.11", "2000.10", now_ms),
                    ticker("DEAD-USDT", "", "", "", now_ms),
                ]
            ),
        }
    )


def _row(candle: Candle, now: datetime) -> list[str]:
    values = [candle.open, candle.high, candle.low, candle.close, candle.volume]
    is_closed = Interval.parse("1m").close_of(candle.open_time) <= now
    opened = str(int(candle.open_time.timestamp() * 1000))
    return [opened, *map(str, values), "1", "1", "1" if is_closed else "0"]
