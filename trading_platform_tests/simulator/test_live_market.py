"""Paper trading on a real venue's quotes: no quote, no order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from trading_platform.simulator.config import LiveMarketConfig
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.model import OrderStatus, Quote
from trading_platform_tests.simulator.exchanges import ACCOUNT, BTC, WallClock, balance, open_exchange, place

PRICE = Decimal(50_000)


class Venue:
    """A venue whose quotes are set by hand; each poll is awaited, so that nothing is timed."""

    def __init__(self, wall: WallClock) -> None:
        self.wall = wall
        self.quote: Quote | None = None
        self.fails = False
        self._polls = threading.Semaphore(0)

    def fetch(self, symbols: Sequence[str]) -> list[Quote]:
        self._polls.release()
        if self.fails:
            raise ConnectionError("the venue is away")
        return [self.quote] if self.quote and self.quote.symbol in symbols else []

    def show(self, last: Decimal | int | str, age_ms: int = 0) -> None:
        price = Decimal(last)
        self.quote = Quote(BTC, self.wall() - age_ms, price - 1, price + 1, price)
        self.await_poll()

    def await_poll(self) -> None:
        """Return once a poll that began after the call has been taken in whole."""
        while self._polls.acquire(blocking=False):
            pass
        for _ in range(2):
            assert self._polls.acquire(timeout=10)


@pytest.fixture
def venue() -> Venue:
    return Venue(WallClock())


@pytest.fixture
def exchange(tmp_path: Path, venue: Venue) -> Exchange:
    market = LiveMarketConfig("somewhere", (BTC,), venue.fetch, poll_seconds=0.001, max_quote_age_seconds=5)
    return open_exchange(tmp_path, venue.wall, market=market)


def test_without_a_quote_nothing_is_taken(exchange: Exchange) -> None:
    with pytest.raises(ExchangeError, match="Market is closed"):
        place(exchange, "BUY", "MARKET", quantity="0.01")
    assert not exchange.is_trading(BTC)
    with pytest.raises(ExchangeError, match="No quote"):
        exchange.book_ticker(BTC)
    exchange.close()


def test_orders_trade_at_the_venues_quotes(exchange: Exchange, venue: Venue) -> None:
    venue.show(PRICE)
    assert place(exchange, "BUY", "MARKET", quantity="0.01").fills[0].price == PRICE + 1
    assert place(exchange, "SELL", "MARKET", quantity="0.01").fills[0].price == PRICE - 1
    exchange.close()


def test_an_old_quote_refuses_orders_but_not_cancels(exchange: Exchange, venue: Venue) -> None:
    venue.show(PRICE)
    resting = place(exchange, "BUY", "LIMIT", quantity="0.01", price=PRICE - 100).order
    venue.fails = True
    venue.await_poll()
    venue.wall.move(5001)
    with pytest.raises(ExchangeError, match="Market is closed") as raised:
        place(exchange, "BUY", "MARKET", quantity="0.01")
    assert raised.value.code == -2010
    exchange.cancel_order(ACCOUNT, BTC, resting.order_id)
    venue.fails = False
    venue.show(PRICE, age_ms=5001)
    assert not exchange.is_trading(BTC)
    venue.show(PRICE)
    assert exchange.is_trading(BTC)
    exchange.close()


def test_resting_orders_and_stops_meet_each_quote_that_follows(exchange: Exchange, venue: Venue) -> None:
    venue.show(PRICE)
    bid = place(exchange, "BUY", "LIMIT", quantity="0.01", price=PRICE - 100).order
    stop = place(exchange, "SELL", "STOP_LOSS", quantity="0.02", stop_price=PRICE - 200).order
    for last in (PRICE - 99, PRICE - 101, PRICE + 50):
        venue.wall.move(1000)
        venue.show(last)
    venue.wall.move(1)
    assert exchange.order(ACCOUNT, BTC, bid.order_id).status is OrderStatus.FILLED
    assert exchange.my_trades(ACCOUNT, BTC)[0].price == PRICE - 100
    assert exchange.order(ACCOUNT, BTC, stop.order_id).status is OrderStatus.NEW
    venue.wall.move(1000)
    venue.show(PRICE - 300)
    venue.wall.move(1)
    assert exchange.my_trades(ACCOUNT, BTC, order_id=stop.order_id)[0].price == PRICE - 301
    assert balance(exchange, "BTC")[1] == 0
    exchange.close()


def test_open_orders_wait_for_the_first_quote_after_a_restart(exchange: Exchange, venue: Venue, tmp_path: Path) -> None:
    venue.show(PRICE)
    resting = place(exchange, "BUY", "LIMIT", quantity="0.01", price=PRICE - 100).order
    market = exchange.config.market
    exchange.close()
    venue.quote = None
    venue.wall.move(1000)
    exchange = open_exchange(tmp_path, venue.wall, market=market)
    assert exchange.open_orders(ACCOUNT) == [resting]
    venue.show(PRICE - 150)
    venue.wall.move(1)
    assert exchange.open_orders(ACCOUNT) == []
    exchange.close()


def test_candles_are_the_venues_business(exchange: Exchange, venue: Venue) -> None:
    venue.show(PRICE)
    assert exchange.intervals() == []
    with pytest.raises(ExchangeError):
        exchange.klines(BTC, "1m")
    with pytest.raises(ExchangeError, match="not supported"):
        exchange.ticker_24h(BTC)
    exchange.close()
