"""Market data that a test has written down beforehand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.order_book import BookLevel, OrderBook
from trading_platform.domain.quality import ClockOffset
from trading_platform.ports.clock import Clock


class FakeMarketFeed:
    """Fills the role `MarketFeed` with scripted candles and tickers, as far as the venue's clock has come.

    The newest candle may still be in progress, as at a real venue. Without a ticker of its own, a symbol's price is
    its newest candle's close, with a spread of one in ten thousand.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._candles: dict[tuple[str, str], dict[datetime, Candle]] = defaultdict(dict)
        self._tickers: dict[str, Ticker] = {}
        self.silent_symbols: set[str] = set()
        self.delisted_symbols: set[str] = set()
        self.is_silent = False
        self.candle_requests: list[tuple[str, str, datetime, int]] = []
        self.books: dict[str, OrderBook] = {}
        self.venue_ahead_seconds: float | None = 0.0
        self.served_candles: int | None = None
        self.ahead_seconds: dict[str, float] = {}  # of the time that a symbol's price carries

    def add_candles(self, symbol: str, interval: Interval, candles: Sequence[Candle]) -> None:
        """Script candles; one with the same open time is replaced (a correction)."""
        self._candles[symbol, interval.name].update({candle.open_time: candle for candle in candles})

    def add_frame(self, symbol: str, interval: Interval, frame: pd.DataFrame) -> None:
        """Script candles from a frame indexed by open time with columns open, high, low, close, volume."""
        times = pd.DatetimeIndex(frame.index).to_pydatetime()
        rows = frame[["open", "high", "low", "close", "volume"]].itertuples(index=False, name=None)
        values = ([Decimal(str(value)) for value in row] for row in rows)
        self.add_candles(symbol, interval, [Candle(time, *row) for time, row in zip(times, values, strict=True)])

    def set_ticker(self, ticker: Ticker) -> None:
        """Script a symbol's price; it is received whenever it is asked for."""
        self._tickers[ticker.symbol] = ticker

    def tickers(self, symbols: Sequence[str]) -> list[Ticker]:
        """Tickers of all that have a price."""
        self._answer()
        if self.delisted_symbols.issuperset(symbols):
            raise FixSettings(f"the venue doesn't trade {', '.join(symbols)}")
        unheard = self.silent_symbols | self.delisted_symbols
        found = (self._ticker(symbol) for symbol in symbols if symbol not in unheard)
        return [ticker for ticker in found if ticker is not None]

    def candles(self, symbol: str, interval: Interval, since: datetime, limit: int) -> list[Candle]:
        """Up to `limit` candles from `since` on, ascending."""
        self._answer()
        if symbol in self.silent_symbols:
            raise RetryLater(f"no answer about {symbol}")
        if symbol in self.delisted_symbols:
            raise FixSettings(f"the venue doesn't trade {symbol}")
        self.candle_requests.append((symbol, interval.name, since, limit))
        begun = self._begun(symbol, interval.name)
        served = begun if self.served_candles is None else begun[-self.served_candles :]
        return [candle for candle in served if candle.open_time >= since][:limit]

    def order_book(self, symbol: str) -> OrderBook:
        """A deep book around the symbol's price, or what a test has set in `books`."""
        self._answer()
        if symbol in self.silent_symbols:
            raise RetryLater(f"no answer about {symbol}")
        now = self._clock.read().wall
        if symbol in self.books:
            return replace(self.books[symbol], received_at=now)
        ticker = self._ticker(symbol)
        if ticker is None:
            return OrderBook(symbol, (), (), now)
        deep = Decimal(1_000_000)
        return OrderBook(symbol, (BookLevel(ticker.bid, deep),), (BookLevel(ticker.ask, deep),), now)

    def clock_offset(self) -> ClockOffset | None:
        """What the test has set; None of it: the venue doesn't tell its time."""
        self._answer()
        if self.venue_ahead_seconds is None:
            return None
        return ClockOffset(self.venue_ahead_seconds, 0.01, self._clock.wall())

    def _answer(self) -> None:
        if self.is_silent:
            raise RetryLater("the venue doesn't answer")

    def _begun(self, symbol: str, interval: str) -> list[Candle]:
        now, series = self._clock.read().now, self._candles[symbol, interval]
        return [series[open_time] for open_time in sorted(series) if open_time <= now]

    def _ticker(self, symbol: str) -> Ticker | None:
        now = self._clock.read()
        if symbol in self._tickers:
            venue_time = now.now + timedelta(seconds=self.ahead_seconds.get(symbol, 0))
            return replace(self._tickers[symbol], venue_time=venue_time, received_at=now.wall)
        begun = [candle for known, name in self._candles if known == symbol for candle in self._begun(known, name)]
        if not begun:
            return None
        last = max(begun, key=lambda candle: candle.open_time).close
        spread = last / 20_000
        return Ticker(symbol, last - spread, last + spread, last, now.now, now.wall)
