"""Public market data of any exchange that ccxt knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import structlog

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.clock_offset import CcxtClockOffset
from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer, listing_failed
from trading_platform.adapters.ccxt_exchange.wire_fields import (
    Json,
    decimal,
    decimal_member,
    epoch_ms,
    mapping,
    moment,
    sequence,
)
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings, PlatformError
from trading_platform.domain.market import Ticker
from trading_platform.domain.order_book import BookLevel, OrderBook
from trading_platform.domain.quality import ClockOffset

log = structlog.get_logger()

_PRICES = ("bid", "ask", "last")
_OHLCV_FIELDS = ("open", "high", "low", "close", "volume")
_SAFE_PAGE = 100
_BOOK_LEVELS = 100  # the most that Binance and Kraken give at their least cost
_SERVED_CANDLES = {"kraken": 720}  # whatever `since` says; ccxt has no field for it
_ASKED_BY_STRETCH = frozenset({"okx"})


class CcxtMarketFeed:
    """Tickers and candles over REST, and how the venue's clock goes."""

    def __init__(self, client: CcxtClient) -> None:
        self._client = client
        self.offset = CcxtClockOffset(client)

    @property
    def client(self) -> CcxtClient:
        """What it asks the venue with."""
        return self._client

    @property
    def served_candles(self) -> int | None:
        """How many of a series' newest candles the venue still serves; None for those not known to forget any."""
        return _SERVED_CANDLES.get(self._client.access.exchange_id)

    def tickers(self, symbols: Sequence[str]) -> list[Ticker]:
        """Tickers of all `symbols` in one request; symbols without a two-sided price are left out.

        So are those that the venue doesn't trade (any more), or of which it sends nonsense, as long as others are
        fine: whoever needs a price of theirs finds none that is young. An exchange whose tickers hold no bids and asks
        is asked for each symbol's order book as well.
        """
        answer = self._told_tickers(symbols)
        received_at = datetime.now(UTC)
        found: dict[str, Json] = {}
        for symbol in symbols:
            try:
                if symbol in answer and _is_readable(answer[symbol], symbol):
                    found[symbol] = answer[symbol]
            except MalformedAnswer as malformed:
                log.warning("ticker_malformed", symbol=symbol, why=str(malformed))
        if symbols and not found:
            raise MalformedAnswer(f"the answer holds no ticker of {', '.join(symbols)}")
        if not any(_is_two_sided(fields) for fields in found.values()):
            found = {symbol: {**fields, **self._best_prices(symbol)} for symbol, fields in found.items()}
            received_at = datetime.now(UTC)
        told = {symbol: fields for symbol, fields in found.items() if _is_two_sided(fields)}
        # by the venue's clock where it tells no time of its own (Kraken): ours may be set wrong
        has_none = any(fields.get("timestamp") is None for fields in told.values())
        timeless = received_at + self.offset.certainly_ahead() if has_none else received_at
        return [_ticker(symbol, fields, received_at, timeless) for symbol, fields in told.items()]

    def _told_tickers(self, symbols: Sequence[str]) -> Json:
        """What the venue answers about those that it trades; if one spoils it, each is asked for alone."""
        known = self._traded(symbols)
        try:
            return self._ask_tickers(known)
        except (FixSettings, MalformedAnswer):
            if len(known) == 1:
                raise
        answer: dict[str, Any] = {}
        mistakes: list[PlatformError] = []
        for symbol in known:
            try:
                answer.update(self._ask_tickers([symbol]))
            except (FixSettings, MalformedAnswer) as mistake:
                mistakes.append(mistake)
                log.warning("ticker_refused", symbol=symbol, why=str(mistake))
        if mistakes and len(mistakes) == len(known):
            raise mistakes[0]
        return answer

    def _ask_tickers(self, symbols: Sequence[str]) -> Json:
        answer = self._client.read("tickers", lambda exchange: exchange.fetch_tickers(list(symbols)), listing_failed)
        return mapping(answer, "tickers")

    def _traded(self, symbols: Sequence[str]) -> list[str]:
        markets = self._client.markets()
        traded = [symbol for symbol in symbols if symbol in markets]
        if len(traded) < len(symbols):
            unknown = [symbol for symbol in symbols if symbol not in markets]
            if not traded:
                self._client.market(unknown[0])  # raises
            log.warning("symbols_not_traded", venue=self._client.access.name, symbols=unknown)
        return traded

    def candles(self, symbol: str, interval: Interval, since: datetime, limit: int) -> list[Candle]:
        """Up to `limit` candles that opened at or after `since`, ascending, exact decimals.

        As many requests as that takes: venues give 300 to 1000 candles at once. One that keeps the newest so many
        only (Kraken 720) begins later than `since`.
        """
        self._client.market(symbol)
        page_limit, by_stretch = self._client.about_exchange(lambda exchange: _paging(exchange, interval))
        candles: list[Candle] = []
        now = datetime.now(UTC)
        while len(candles) < limit:
            wanted = min(limit - len(candles), page_limit)
            page = self._page(symbol, interval, since, wanted)
            candles += page
            if len(page) == wanted:
                since = page[-1].open_time + interval.length
            elif by_stretch and since + wanted * interval.length <= now:
                since += wanted * interval.length  # a hole in this stretch of time says nothing about the next
            else:
                break
        return candles

    def _page(self, symbol: str, interval: Interval, since: datetime, limit: int) -> list[Candle]:
        rows = self._client.read(
            f"candles of {symbol}",
            lambda exchange: exchange.fetch_ohlcv(symbol, interval.name, epoch_ms(since), limit),
        )
        candles = [_candle(row) for row in sequence(rows, "the list of candles")]
        wanted = [candle for candle in candles if candle.open_time >= since][:limit]
        if any(interval.floor(candle.open_time) != candle.open_time for candle in wanted):
            raise MalformedAnswer(f"candles of {symbol} don't stand on the grid of {interval}")
        for earlier, later in pairwise(wanted):
            if earlier.open_time >= later.open_time:
                raise MalformedAnswer(f"candles of {symbol} are not in ascending order")
        return wanted

    def clock_offset(self) -> ClockOffset | None:
        """The venue's wall clock against ours, measured now and then; None if the venue doesn't tell it."""
        return self.offset.read()

    def order_book(self, symbol: str) -> OrderBook:
        """The best hundred levels of each side."""
        self._client.market(symbol)
        book = self._client.read(
            f"order book of {symbol}", lambda exchange: exchange.fetch_order_book(symbol, _BOOK_LEVELS)
        )
        asks = tuple(sorted(_levels(book.get("asks"))))
        bids = tuple(sorted(_levels(book.get("bids")), reverse=True))
        return OrderBook(symbol, bids, asks, datetime.now(UTC))

    def _best_prices(self, symbol: str) -> dict[str, Any]:
        book = self.order_book(symbol)
        return {"bid": book.bids[0].price, "ask": book.asks[0].price} if book.bids and book.asks else {}


def _levels(rows: Any) -> list[BookLevel]:
    # floats, of all that ccxt hands on: the shortest text that stands for one is the number as it was sent
    numbers = [
        [decimal(str(number), "a level of the book") for number in row[:2]] for row in sequence(rows, "a book's side")
    ]
    if any(len(row) != 2 or row[0] <= 0 or row[1] < 0 for row in numbers):
        raise MalformedAnswer("a level of the book has no price or quantity")
    return [BookLevel(price, quantity) for price, quantity in numbers]


def _paging(exchange: Any, interval: Interval) -> tuple[int, bool]:
    """How many candles come at once, and whether a request is about a stretch of time only (OKX)."""
    known = exchange.timeframes or {}
    if known and interval.name not in known:
        served = ", ".join(name for name in known if name in Interval.names())
        raise FixSettings(f"market.intervals: {exchange.id} serves no candles of {interval}, but {served}")
    features = (exchange.features or {}).get("spot") or {}
    at_once = (features.get("fetchOHLCV") or {}).get("limit")
    return int(at_once or _SAFE_PAGE), exchange.id in _ASKED_BY_STRETCH


def _is_readable(answer: Any, symbol: str) -> bool:
    """Whether it is a ticker at all; raises MalformedAnswer where it holds what can't be read."""
    fields = mapping(answer, f"the ticker of {symbol}")
    for name in _PRICES:
        if fields.get(name) is not None:
            decimal(fields[name], f"the {name} of {symbol}")
    return True


def _is_two_sided(fields: Json) -> bool:
    prices = [fields.get(name) for name in _PRICES]
    return None not in prices and all(decimal(price, "a ticker's price") > 0 for price in prices)


def _ticker(symbol: str, fields: Json, received_at: datetime, timeless: datetime) -> Ticker:
    """One ticker; `timeless` is the venue's time of one that carries none."""
    bid, ask, last = (decimal_member(fields, name) for name in _PRICES)
    timestamp = fields.get("timestamp")
    venue_time = timeless if timestamp is None else moment(timestamp, f"the time of {symbol}'s ticker")
    return Ticker(symbol, bid, ask, last, venue_time, received_at)


def _candle(row: Any) -> Candle:
    cells = sequence(row, "a candle")
    if len(cells) <= len(_OHLCV_FIELDS):
        raise MalformedAnswer("a candle lacks values")
    open_, high, low, close, volume = (
        decimal(cell, f"a candle's {name}") for name, cell in zip(_OHLCV_FIELDS, cells[1:], strict=False)
    )
    return Candle(moment(cells[0], "a candle's open time"), open_, high, low, close, volume)
