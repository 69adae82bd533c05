"""What the exchange shows of its market."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from itertools import islice

from trading_platform.simulator.aggregation import intervals_from, klines
from trading_platform.simulator.candle_market import CandleMarket
from trading_platform.simulator.candles import decimal, exact_sum
from trading_platform.simulator.errors import ExchangeError, bad_parameter, invalid_interval
from trading_platform.simulator.market import Market, Tick
from trading_platform.simulator.matching import Matcher
from trading_platform.simulator.model import (
    Book,
    BookTicker,
    Kline,
    PublicTrade,
    Side,
    Ticker24h,
)
from trading_platform.simulator.path import PRINTS, candle_until

_DAY_MS = 86_400_000
_UPDATES_PER_TICK = 10
_MAX_BOOK_LEVELS = 5000
_MAX_TRADES = 1000


class MarketData:
    """Candles, tickers, books and trades at a time. Candles and trades need a `CandleMarket`."""

    def __init__(self, market: Market, matcher: Matcher) -> None:
        self._market = market
        self._matcher = matcher
        candle_market = market if isinstance(market, CandleMarket) else None
        self._candle_market = candle_market
        self._intervals = intervals_from(market.interval_ms) if candle_market else {}

    def intervals(self) -> list[str]:
        """Candle intervals, finest first."""
        return list(self._intervals)

    def klines(
        self,
        symbol: str,
        interval: str,
        now_ms: int,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[Kline]:
        """Candles by open time."""
        if interval not in self._intervals:
            raise invalid_interval()
        table = self._candles().source.table(symbol, now_ms)
        return klines(table, self._intervals[interval], now_ms, start_ms, end_ms, limit)

    def ticker_24h(self, symbol: str, now_ms: int) -> Ticker24h:
        """Statistics of the base candles of the last 24 hours, the present one as far as it got."""
        market = self._candles()
        tick = market.tick(symbol, now_ms)
        table = market.source.table(symbol, now_ms)
        number, index = divmod(tick.number, PRINTS)
        stop = table.row_at_or_before(number) + 1
        first_open = -(-(now_ms - _DAY_MS) // market.interval_ms)
        start = min(table.row_at_or_after(first_open), stop - 1)
        rows = table.rows(start, stop)
        rows = rows.with_last(candle_until(rows.candle(-1), index))
        scale = table.scale
        volume = decimal(exact_sum(rows.volume), scale.volume)
        quote = decimal(exact_sum(rows.quote_volume), scale.quote)
        opened = decimal(int(rows.open[0]), scale.price)
        previous = decimal(int(table.close[start - 1]), scale.price) if start else opened
        book = self.book_ticker(symbol, now_ms)
        change = tick.price - opened
        return Ticker24h(
            symbol,
            change,
            _rounded(100 * change / opened, "0.001"),
            _rounded(quote / volume, "1E-8") if volume else tick.price,
            previous,
            tick.price,
            tick.quantity,
            book.bid_price,
            book.bid_quantity,
            book.ask_price,
            book.ask_quantity,
            opened,
            decimal(int(rows.high.max()), scale.price),
            decimal(int(rows.low.min()), scale.price),
            volume,
            quote,
            int(rows.number[0]) * market.interval_ms,
            now_ms,
            int(rows.number[0]) * PRINTS,
            tick.number,
            exact_sum(rows.trades),
        )

    def book(self, symbol: str, now_ms: int, limit: int) -> Book:
        """The best levels of each side."""
        if limit < 1:
            raise bad_parameter("Illegal value for parameter 'limit'; it must be at least 1.")
        tick = self._market.tick(symbol, now_ms)
        limit = min(limit, _MAX_BOOK_LEVELS)
        bids = tuple(islice(self._matcher.book_side(symbol, tick, Side.BUY), limit))
        asks = tuple(islice(self._matcher.book_side(symbol, tick, Side.SELL), limit))
        return Book(symbol, self._update_id(symbol, tick), now_ms, bids, asks)

    def book_ticker(self, symbol: str, now_ms: int) -> BookTicker:
        """Best bid and ask."""
        book = self.book(symbol, now_ms, 1)
        return BookTicker(symbol, book.update_id, now_ms, *book.bids[0], *book.asks[0])

    def recent_trades(self, symbol: str, now_ms: int, limit: int) -> list[PublicTrade]:
        """The newest trades, oldest first."""
        return self._candles().last_trades(symbol, now_ms, _trades_limit(limit))

    def agg_trades(
        self,
        symbol: str,
        now_ms: int,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[PublicTrade]:
        """Trades from an id or a time on; the newest ones if neither is given."""
        market = self._candles()
        last_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        limit = _trades_limit(limit)
        if from_id is not None:
            return market.trades(symbol, from_id, last_ms, limit)
        if start_ms is not None:
            return market.trades(symbol, market.first_number_at(start_ms), last_ms, limit)
        return market.last_trades(symbol, last_ms, limit)

    def _update_id(self, symbol: str, tick: Tick) -> int:
        taken = self._matcher.taken_times(symbol, tick)
        return tick.number * _UPDATES_PER_TICK + min(taken, _UPDATES_PER_TICK - 1)

    def _candles(self) -> CandleMarket:
        if self._candle_market is None:
            raise ExchangeError(-1020, "This operation is not supported on a live market.")
        return self._candle_market


def _rounded(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), ROUND_HALF_EVEN)


def _trades_limit(limit: int) -> int:
    if limit < 1:
        raise bad_parameter("Illegal value for parameter 'limit'; it must be at least 1.")
    return min(limit, _MAX_TRADES)
