"""Prices for what mustn't wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.ports.series_store import SeriesStore


def known_prices(store: SeriesStore, symbols: Sequence[str]) -> Mapping[str, Ticker]:
    """The newest prices, however old; none while the store is silent or refuses: sales and stops go on without (I7)."""
    try:
        return store.tickers(symbols)
    except (RetryLater, FixSettings):
        return {}
