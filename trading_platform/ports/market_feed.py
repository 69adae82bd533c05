"""Role: market data as the venue publishes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.order_book import OrderBook
from trading_platform.domain.quality import ClockOffset


class MarketFeed(Protocol):
    """Public market data. Every method raises RetryLater if the venue doesn't answer properly."""

    @property
    def served_candles(self) -> int | None:
        """How many of a series' newest candles the venue still serves; None if it serves all since the listing."""
        ...

    def tickers(self, symbols: Sequence[str]) -> list[Ticker]:
        """Tickers of all `symbols` in one request; symbols without a two-sided price are left out."""
        ...

    def candles(self, symbol: str, interval: Interval, since: datetime, limit: int) -> list[Candle]:
        """Up to `limit` candles that opened at or after `since`, ascending, exact decimals.

        The last one may still be in progress: whoever calls knows the time and decides.
        """
        ...

    def order_book(self, symbol: str) -> OrderBook:
        """The best levels of the symbol's book, at least a dozen on each side where there are so many."""
        ...

    def clock_offset(self) -> ClockOffset | None:
        """The venue's wall clock against ours, at most minutes old; None if the venue doesn't tell its time.

        Of a replay it is the server's own clock, not the market's.
        """
        ...
