"""Trading rules of the symbols: the real exchange's where they're known, derived ones elsewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from trading_platform.simulator.errors import SimulatorSetupError
from trading_platform.simulator.model import SymbolRules

_MAX_DECIMALS = 8
QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")
_USD_LIKE = frozenset({"USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR"})
_MIN_NOTIONAL = {"BTC": "0.0001", "ETH": "0.001", "BNB": "0.01", "TRY": "10"}


class _Known(NamedTuple):
    tick: str
    max_price: str
    step: str
    max_quantity: str
    max_market_quantity: str


# From recorded exchangeInfo answers; steps of SOL and BNB as in today's volumes.
_KNOWN = {
    "BTCUSDT": _Known("0.01", "1000000", "0.00001", "9000", "119.34001345"),
    "ETHUSDT": _Known("0.01", "1000000", "0.0001", "9000", "3346.26645208"),
    "SOLUSDT": _Known("0.01", "10000", "0.001", "90000", "129313.87854166"),
    "BNBUSDT": _Known("0.01", "100000", "0.001", "900000", "24057.25041250"),
    "XRPUSDT": _Known("0.0001", "10000", "1", "9222449", "6242120.40416666"),
    "ADAUSDT": _Known("0.0001", "1000", "0.1", "900000", "3485105.56541666"),
    "DOGEUSDT": _Known("0.00001", "1000", "1", "9000000", "26610669.95416666"),
    "LTCUSDT": _Known("0.01", "100000", "0.001", "90000", "23847.56407083"),
    "LINKUSDT": _Known("0.001", "10000", "0.01", "90000", "102072.15083333"),
    "AVAXUSDT": _Known("0.01", "10000", "0.01", "90000", "48039.67233333"),
    "DOTUSDT": _Known("0.001", "10000", "0.01", "90000", "98391.61704166"),
    "TRXUSDT": _Known("0.00001", "1000", "0.1", "9000000", "10183907.06124999"),
    "ETHBTC": _Known("0.00001", "922327", "0.0001", "100000", "5598.55135291"),
}


def split_symbol(symbol: str) -> tuple[str, str]:
    """Base and quote asset of a Binance-style symbol."""
    for quote in QUOTE_ASSETS:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol[: -len(quote)], quote
    raise SimulatorSetupError(
        f"the symbol {symbol!r} ends in no known quote asset; use one of {', '.join(QUOTE_ASSETS)}"
    )


def rules_for(symbol: str, price_decimals: int | None = None, volume_decimals: int = _MAX_DECIMALS) -> SymbolRules:
    """Rules of a symbol.

    Parameters
    ----------
    price_decimals
        Decimals of the prices to be traded, if they're known. The tick is never coarser, since
        prices of the past may lie on a finer grid than today's.
    volume_decimals
        Decimals of the volumes; they give the quantity step of symbols that aren't known.
    """
    base, quote = split_symbol(symbol)
    known = _KNOWN.get(symbol)
    if known is None:
        known = _derived(price_decimals, volume_decimals)
    dollars = quote in _USD_LIKE
    tick = Decimal(known.tick)
    if price_decimals is not None:
        tick = min(tick, _power(price_decimals))
    return SymbolRules(
        symbol=symbol,
        base_asset=base,
        quote_asset=quote,
        tick_size=tick,
        min_price=tick,
        max_price=Decimal(known.max_price),
        step_size=Decimal(known.step),
        min_quantity=Decimal(known.step),
        max_quantity=Decimal(known.max_quantity),
        max_market_quantity=Decimal(known.max_market_quantity),
        min_notional=Decimal("5" if dollars else _MIN_NOTIONAL.get(quote, "5")),
        max_notional=Decimal(9_000_000),
        bid_multiplier_up=Decimal("1.2" if symbol == "BTCUSDT" else "5"),
        bid_multiplier_down=Decimal("0.5" if symbol == "BTCUSDT" else "0.2"),
        ask_multiplier_up=Decimal("2" if symbol == "BTCUSDT" else "5"),
        ask_multiplier_down=Decimal("0.8" if symbol == "BTCUSDT" else "0.2"),
    )


def _derived(price_decimals: int | None, volume_decimals: int) -> _Known:
    tick = _power(_MAX_DECIMALS if price_decimals is None else price_decimals)
    step = _power(min(volume_decimals, _MAX_DECIMALS))
    return _Known(str(tick), "1000000", str(step), "9000000000", "9000000000")


def _power(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)
