"""Symbols with the filters that the exchange really had, where they are recorded; simulated ones elsewhere."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from trading_platform.adapters.ccxt_exchange.instruments import FeeRates, binance_instrument
from trading_platform.domain.instrument import Instrument, floor_to_step
from trading_platform.services.tabulate_sizes import Quoted
from trading_platform.simulator.config import DEFAULT_SYMBOLS
from trading_platform.simulator.symbol_rules import rules_for
from trading_platform.simulator.wire_market import symbol_info
from trading_platform_tests.support.archives import archive_rows, recorded_candles
from trading_platform_tests.support.recorded_payloads import recorded_folder, recorded_json

FEES = FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001"))
TICKS = 10_000
"""A price of so many ticks stands for that of a symbol of which none is recorded: usual on this exchange."""


class RecordedMarket(NamedTuple):
    """One answer of exchangeInfo, with prices."""

    name: str
    trading: list[Quoted]
    halted: list[str]


def recorded_markets() -> list[RecordedMarket]:
    """Every recorded exchangeInfo; the simulated exchange's where there is none."""
    folder = recorded_folder()
    answers = sorted(folder.rglob("exchange*nfo*.json*")) if folder else []
    if not answers:
        return [RecordedMarket("simulated", [_quoted(_simulated(name), {}) for name in DEFAULT_SYMBOLS], [])]
    return [_market(path) for path in answers]


def _market(path: Path) -> RecordedMarket:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    symbols = json.loads(text)["symbols"]
    prices = _candle_prices() if len(symbols) > 1 else _ticker_prices()
    trading = [_quoted(info, prices) for info in symbols if info["status"] == "TRADING"]
    halted = [info["symbol"] for info in symbols if info["status"] != "TRADING"]
    return RecordedMarket(f"{path.parent.name}/{path.name}", trading, halted)


def _quoted(info: Mapping[str, Any], prices: Mapping[str, Decimal]) -> Quoted:
    base, quote = info["baseAsset"], info["quoteAsset"]
    market = {"symbol": f"{base}/{quote}", "base": base, "quote": quote, "info": info}
    instrument = binance_instrument(market, FEES)
    return Quoted(instrument, prices.get(info["symbol"]) or _usual_price(instrument))


def _usual_price(instrument: Instrument) -> Decimal:
    price, most = TICKS * instrument.tick_size, instrument.max_price
    if most is None or price < most:
        return price
    return floor_to_step((instrument.min_price + most) / 2, instrument.tick_size)  # leveraged tokens keep to a band


def _ticker_prices() -> dict[str, Decimal]:
    tickers = recorded_json("soworks/ticker_24hr.json") or []
    return {ticker["symbol"]: Decimal(ticker["askPrice"]) for ticker in tickers}


def _candle_prices() -> dict[str, Decimal]:
    """The last close before the large answer of 2023."""
    folder = recorded_candles("2023-03")
    files = sorted(folder.glob("*-1h.csv.gz")) if folder else []
    return {path.name.partition("-")[0]: Decimal(archive_rows(path)[-1]["close"]) for path in files}


def _simulated(name: str) -> Mapping[str, Any]:
    return symbol_info(rules_for(name), trading=True)
