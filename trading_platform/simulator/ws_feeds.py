"""What each public stream has to say: a feed per stream name, telling only what changed since it last spoke."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable

from trading_platform.simulator import wire_events, wire_market
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.model import Book, Kline, PublicTrade, Ticker24h
from trading_platform.simulator.wire_market import Json

_KLINE_PAGE = 1000
_TRADES_PER_POLL = 100
DIFF_LEVELS = 1000
_STREAM = re.compile(
    r"(?P<symbol>[a-z0-9]{1,20})@(?:"
    r"(?P<kind>trade|aggTrade|bookTicker|miniTicker|ticker)"
    r"|kline_(?P<interval>1s|[135]m|15m|30m|[12468]h|12h|[13]d|1w|1M)"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<speed>100ms|1000ms))?)"
)
_ALL_MARKET = {"!miniTicker@arr": "miniTicker", "!ticker@arr": "ticker"}


class Feed(ABC):
    """One stream's source.

    Attributes
    ----------
    period_seconds
        How often the stream may speak.
    """

    period_seconds = 1.0

    def __init__(self, exchange: Exchange, name: str, symbol: str | None) -> None:
        self.exchange = exchange
        self.name = name
        self.symbol = symbol
        self.kind = name[1:].partition("@")[0] if name.startswith("!") else name.partition("@")[2]

    @abstractmethod
    def poll(self) -> list[object]:
        """Payloads for everything that happened since the last poll."""

    def snapshot(self) -> list[object]:
        """What a new subscriber is told at once."""
        return []

    @property
    def market_symbol(self) -> str:
        assert self.symbol is not None
        return self.symbol


class SilentFeed(Feed):
    """A well-formed stream of a symbol that isn't traded: accepted, and mute for ever, as on the exchange."""

    def poll(self) -> list[object]:
        return []


class KlineFeed(Feed):
    """Candles: each closing exactly once, and the one in progress whenever it changed."""

    def __init__(self, exchange: Exchange, name: str, symbol: str, interval: str) -> None:
        super().__init__(exchange, name, symbol)
        self._interval = interval
        newest = exchange.klines(symbol, interval, limit=1)
        self._shown: Kline | None = newest[-1] if newest else None
        self._next_open_ms = _resume_at(newest[-1]) if newest else 0

    def poll(self) -> list[object]:
        payloads: list[object] = []
        while True:
            page = self.exchange.klines(
                self.market_symbol, self._interval, start_ms=self._next_open_ms, limit=_KLINE_PAGE
            )
            payloads += [self._payload(candle) for candle in page if self._is_news(candle)]
            if len(page) < _KLINE_PAGE:
                return payloads

    def snapshot(self) -> list[object]:
        newest = self.exchange.klines(self.market_symbol, self._interval, limit=1)
        return [self._payload(candle) for candle in newest if not candle.closed]

    def _is_news(self, candle: Kline) -> bool:
        news = candle != self._shown
        self._shown = candle
        self._next_open_ms = _resume_at(candle)
        return news

    def _payload(self, candle: Kline) -> Json:
        return wire_events.kline(self.market_symbol, self._interval, candle, self.exchange.now_ms())


class TickerFeed(Feed):
    """24-hour statistics, full or mini."""

    def __init__(self, exchange: Exchange, name: str, symbol: str, form: Callable[[Ticker24h, int], Json]) -> None:
        super().__init__(exchange, name, symbol)
        self._form = form
        self._shown = exchange.ticker_24h(symbol)

    def poll(self) -> list[object]:
        newest = self.exchange.ticker_24h(self.market_symbol)
        if newest == self._shown:
            return []
        self._shown = newest
        return [self._form(newest, self.exchange.now_ms())]

    def snapshot(self) -> list[object]:
        return [self._form(self.exchange.ticker_24h(self.market_symbol), self.exchange.now_ms())]


class AllTickersFeed(Feed):
    """The tickers of all symbols that changed, in one array."""

    def __init__(self, exchange: Exchange, name: str, feeds: list[TickerFeed]) -> None:
        super().__init__(exchange, name, None)
        self._feeds = feeds

    def poll(self) -> list[object]:
        changed = [payload for feed in self._feeds for payload in feed.poll()]
        return [changed] if changed else []

    def snapshot(self) -> list[object]:
        return [[payload for feed in self._feeds for payload in feed.snapshot()]]


class BookTickerFeed(Feed):
    """Best bid and ask."""

    period_seconds = 0.25

    def __init__(self, exchange: Exchange, name: str, symbol: str) -> None:
        super().__init__(exchange, name, symbol)
        self._shown_id = exchange.book_ticker(symbol).update_id

    def poll(self) -> list[object]:
        best = self.exchange.book_ticker(self.market_symbol)
        if best.update_id == self._shown_id:
            return []
        self._shown_id = best.update_id
        return [wire_events.book_ticker(best)]

    def snapshot(self) -> list[object]:
        return [wire_events.book_ticker(self.exchange.book_ticker(self.market_symbol))]


class TradeFeed(Feed):
    """Public trades; where a replay runs too fast to tell all, the newest ones."""

    period_seconds = 0.25

    def __init__(
        self, exchange: Exchange, name: str, symbol: str, form: Callable[[str, PublicTrade, int], Json]
    ) -> None:
        super().__init__(exchange, name, symbol)
        self._form = form
        newest = exchange.recent_trades(symbol, 1)
        self._last_id = newest[-1].trade_id if newest else -1

    def poll(self) -> list[object]:
        recent = self.exchange.recent_trades(self.market_symbol, _TRADES_PER_POLL)
        news = [trade for trade in recent if trade.trade_id > self._last_id]
        if news:
            self._last_id = news[-1].trade_id
        now_ms = self.exchange.now_ms()
        return [self._form(self.market_symbol, trade, now_ms) for trade in news]


class PartialDepthFeed(Feed):
    """The best levels of the book, whole."""

    def __init__(self, exchange: Exchange, name: str, symbol: str, levels: int, period_seconds: float) -> None:
        super().__init__(exchange, name, symbol)
        self.period_seconds = period_seconds
        self._levels = levels
        self._shown_id = exchange.book(symbol, levels).update_id

    def poll(self) -> list[object]:
        book = self.exchange.book(self.market_symbol, self._levels)
        if book.update_id == self._shown_id:
            return []
        self._shown_id = book.update_id
        return [wire_market.depth(book)]

    def snapshot(self) -> list[object]:
        return [wire_market.depth(self.exchange.book(self.market_symbol, self._levels))]


class DepthFeed(Feed):
    """Changes of the book. Its snapshots and its changes meet exactly: see `current_book`."""

    def __init__(self, exchange: Exchange, name: str, symbol: str, period_seconds: float) -> None:
        super().__init__(exchange, name, symbol)
        self.period_seconds = period_seconds
        self._shown = exchange.book(symbol, DIFF_LEVELS)

    def poll(self) -> list[object]:
        before, self._shown = self._shown, self.exchange.book(self.market_symbol, DIFF_LEVELS)
        if self._shown.update_id == before.update_id:
            return []
        return [wire_events.depth_update(before, self._shown, self.exchange.now_ms())]

    @property
    def current_book(self) -> Book:
        """The book as subscribers know it after the last poll."""
        return self._shown


def open_feed(exchange: Exchange, name: str) -> Feed | None:
    """The feed of a stream name; None if the name isn't one of the exchange's streams."""
    traded = [rules.symbol for rules in exchange.symbols()]
    if name in _ALL_MARKET:
        form = _ticker_form(_ALL_MARKET[name])
        return AllTickersFeed(exchange, name, [TickerFeed(exchange, name, s, form) for s in traded])
    match = _STREAM.fullmatch(name)
    if match is None:
        return None
    symbol = match["symbol"].upper()
    if symbol not in traded or (match["interval"] and match["interval"] not in exchange.intervals()):
        return SilentFeed(exchange, name, symbol)
    if match["interval"]:
        return KlineFeed(exchange, name, symbol, match["interval"])
    if match["kind"]:
        return _open_by_kind(exchange, name, symbol, match["kind"])
    period_seconds = 0.1 if match["speed"] == "100ms" else 1.0
    if match["levels"]:
        return PartialDepthFeed(exchange, name, symbol, int(match["levels"]), period_seconds)
    return DepthFeed(exchange, name, symbol, period_seconds)


def _open_by_kind(exchange: Exchange, name: str, symbol: str, kind: str) -> Feed:
    if kind == "bookTicker":
        return BookTickerFeed(exchange, name, symbol)
    if kind in ("miniTicker", "ticker"):
        return TickerFeed(exchange, name, symbol, _ticker_form(kind))
    form = wire_events.trade if kind == "trade" else wire_events.aggregate_trade
    return TradeFeed(exchange, name, symbol, form)


def _ticker_form(kind: str) -> Callable[[Ticker24h, int], Json]:
    return wire_events.mini_ticker if kind == "miniTicker" else wire_events.ticker


def _resume_at(candle: Kline) -> int:
    return candle.close_time_ms + 1 if candle.closed else candle.open_time_ms
