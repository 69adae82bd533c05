"""The venue's own names of pairs, as the platform calls them."""

from __future__ import annotations

from trading_platform.settings import Settings


def unified_symbol(venue_symbol: str, settings: Settings) -> str | None:
    """BTC/USDT for BTCUSDT: one of the settings' symbols, or any in the account's quote currency."""
    known = {symbol.replace("/", ""): symbol for symbol in settings.market.symbols}
    base = venue_symbol.removesuffix(settings.account.quote)
    others = f"{base}/{settings.account.quote}" if base and base != venue_symbol else None
    return known.get(venue_symbol, others)
