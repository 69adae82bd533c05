"""Paper trading on a real venue: its quotes and its rules, for the simulated exchange that matches the orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.instruments import (
    FeeRates,
    binance_instrument,
    unified_instrument,
)
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.wire_fields import epoch_ms
from trading_platform.domain.errors import SymbolNotTraded
from trading_platform.domain.instrument import Instrument
from trading_platform.simulator.config import LiveMarketConfig
from trading_platform.simulator.model import Quote, SymbolRules

log = structlog.get_logger()

_FINEST = Decimal("0.00000001")  # the simulated exchange's wire has eight decimals
_NO_FEES = FeeRates(Decimal(0), Decimal(0))  # the simulated exchange has its own
_POLL_SECONDS = 1.0
_SYMBOLS_A_SECOND = 20  # beyond 20, tickers cost Binance's twentyfold weight
_PACES_PER_POLL = 3  # a venue that wants a second between two requests has others to answer, too
_UNBOUNDED = Decimal(10) ** 12
_BAND_UP, _BAND_DOWN = Decimal(5), Decimal("0.2")


def paper_market(client: CcxtClient, symbols: Sequence[str]) -> LiveMarketConfig:
    """The venue's market for paper orders; where the venue states no rule, the loosest that can be enforced.

    A symbol that the venue doesn't list (any more) is left out: its market is closed, the others' aren't.

    Raises
    ------
    FixSettings
        If the venue lists none of the symbols.
    RetryLater
        If it doesn't answer.
    """
    traded = _traded(client, symbols)
    rules = tuple(_rules(_instrument(client, symbol)) for symbol in traded)
    unified = {rule.symbol: symbol for rule, symbol in zip(rules, traded, strict=True)}
    return LiveMarketConfig(
        venue=client.access.name,
        symbols=tuple(unified),
        fetch_quotes=_Quotes(CcxtMarketFeed(client), unified),
        poll_seconds=max(
            _POLL_SECONDS, len(symbols) / _SYMBOLS_A_SECOND, _PACES_PER_POLL * client.about_exchange(_pace_seconds)
        ),
        rules=rules,
    )


def _traded(client: CcxtClient, symbols: Sequence[str]) -> list[str]:
    found, unlisted = [], None
    for symbol in symbols:
        try:
            client.market(symbol)
        except SymbolNotTraded as missing:
            log.warning("symbol_not_traded", why=str(missing))
            unlisted = missing
        else:
            found.append(symbol)
    if unlisted is not None and not found:
        raise unlisted
    return found


class _Quotes:
    """The venue's newest quotes, under the simulated exchange's names."""

    def __init__(self, feed: CcxtMarketFeed, unified: Mapping[str, str]) -> None:
        self._feed = feed
        self._unified = unified
        self._simulated = {symbol: name for name, symbol in unified.items()}

    def __call__(self, names: Sequence[str]) -> list[Quote]:
        tickers = self._feed.tickers([self._unified[name] for name in names if name in self._unified])
        return [Quote(self._simulated[t.symbol], epoch_ms(t.venue_time), t.bid, t.ask, t.last) for t in tickers]


def _pace_seconds(exchange: Any) -> float:
    return float(exchange.rateLimit) / 1000


def _instrument(client: CcxtClient, symbol: str) -> Instrument:
    market = client.market(symbol)
    if "filters" in market["info"]:
        return binance_instrument(market, _NO_FEES)
    least_tick = market["info"].get("tick_size") if client.access.exchange_id == "kraken" else None
    return unified_instrument(market, client.precision_is_step, least_tick)


def _rules(instrument: Instrument) -> SymbolRules:
    tick = max(instrument.tick_size, _FINEST)
    step = max(instrument.lot_step, _FINEST)
    largest = instrument.max_quantity or _UNBOUNDED
    return SymbolRules(
        symbol=instrument.base + instrument.quote,
        base_asset=instrument.base,
        quote_asset=instrument.quote,
        tick_size=tick,
        min_price=tick,
        max_price=_UNBOUNDED,
        step_size=step,
        min_quantity=max(instrument.min_quantity, step),
        max_quantity=largest,
        max_market_quantity=largest,
        min_notional=instrument.min_notional_quote,
        max_notional=_UNBOUNDED,
        bid_multiplier_up=_BAND_UP,
        bid_multiplier_down=_BAND_DOWN,
        ask_multiplier_up=_BAND_UP,
        ask_multiplier_down=_BAND_DOWN,
    )
