"""A real venue's trading rules for paper trading on its prices: what the simulated exchange then enforces."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trading_platform.adapters.ccxt_exchange.client import CcxtClient, Market
from trading_platform.adapters.ccxt_exchange.instruments import (
    FeeRates,
    binance_instrument,
    unified_instrument,
)
from trading_platform.domain.instrument import Instrument
from trading_platform.simulator.model import SymbolRules

_FINEST = Decimal("0.00000001")  # the simulated exchange's wire has eight decimals
_NO_FEES = FeeRates(Decimal(0), Decimal(0))  # the simulated exchange has its own
_UNBOUNDED = Decimal(10) ** 12
_BAND_UP, _BAND_DOWN = Decimal(5), Decimal("0.2")


def paper_rules(client: CcxtClient, symbols: Sequence[str]) -> tuple[SymbolRules, ...]:
    """Rules per unified symbol; where the venue states none, the loosest that the simulated exchange can enforce.

    Raises
    ------
    FixSettings
        If the venue doesn't trade one of the symbols.
    RetryLater
        If it doesn't answer.
    """
    return tuple(_rules(_instrument(client, client.market(symbol))) for symbol in symbols)


def _instrument(client: CcxtClient, market: Market) -> Instrument:
    if "filters" in market["info"]:
        return binance_instrument(market, _NO_FEES)
    return unified_instrument(market, client.precision_is_step)


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
