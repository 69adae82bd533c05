"""What every market feed does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.order import Side
from trading_platform_tests.contracts.sites import FeedSite


def test_candles_are_the_venues_own_exact_and_ascending(feed_site: FeedSite) -> None:
    expected = list(feed_site.closed[-10:])
    got = feed_site.feed.candles(feed_site.symbol, feed_site.interval, expected[0].open_time, 10)
    assert got == expected
    assert all(isinstance(value, Decimal) for candle in got for value in (candle.open, candle.volume))


def test_candles_start_at_since_and_stop_at_the_limit(feed_site: FeedSite) -> None:
    since = feed_site.closed[-5].open_time
    assert feed_site.feed.candles(feed_site.symbol, feed_site.interval, since, 3) == list(feed_site.closed[-5:-2])


def test_only_the_newest_candle_may_be_in_progress(feed_site: FeedSite) -> None:
    interval = feed_site.interval
    got = feed_site.feed.candles(feed_site.symbol, interval, feed_site.closed[-3].open_time, 100)
    assert got[:3] == list(feed_site.closed[-3:])
    assert all(interval.close_of(candle.open_time) <= feed_site.now for candle in got[:-1])
    assert len(got) <= 4


def test_nothing_has_opened_in_the_future(feed_site: FeedSite) -> None:
    later = feed_site.now + 5 * feed_site.interval.length
    assert feed_site.feed.candles(feed_site.symbol, feed_site.interval, later, 10) == []


def test_tickers_are_two_sided(feed_site: FeedSite) -> None:
    [ticker] = feed_site.feed.tickers([feed_site.symbol])
    assert ticker.symbol == feed_site.symbol
    assert 0 < ticker.bid <= ticker.ask
    assert ticker.last > 0
    assert ticker.venue_time.tzinfo is not None
    assert ticker.received_at.tzinfo is not None


def test_the_order_book_has_its_best_levels_first(feed_site: FeedSite) -> None:
    [ticker] = feed_site.feed.tickers([feed_site.symbol])
    book = feed_site.feed.order_book(feed_site.symbol)
    assert book.symbol == feed_site.symbol
    assert book.received_at.tzinfo is not None
    assert [level.price for level in book.asks] == sorted({level.price for level in book.asks})
    assert [level.price for level in book.bids] == sorted({level.price for level in book.bids}, reverse=True)
    assert (book.bids[0].price, book.asks[0].price) == (ticker.bid, ticker.ask)
    assert all(level.quantity > 0 for level in (*book.bids, *book.asks))
    best = book.asks[0]
    assert book.average_price(Side.BUY, best.quantity) == best.price


def test_the_venues_clock_is_measured_with_its_uncertainty(feed_site: FeedSite) -> None:
    measured = feed_site.feed.clock_offset()
    assert measured is not None
    # venue and test share a computer, and the market of the venue stands still far from now: that is no drift
    assert abs(measured.offset_seconds) <= measured.uncertainty_seconds + 0.25  # the server is a thread of ours
    assert measured.measured_at.tzinfo is not None


def test_a_silent_venue_is_asked_again_later(feed_site: FeedSite) -> None:
    feed_site.silence()
    with pytest.raises(RetryLater):
        feed_site.feed.tickers([feed_site.symbol])
    with pytest.raises(RetryLater):
        feed_site.feed.candles(feed_site.symbol, feed_site.interval, feed_site.closed[0].open_time, 10)
    with pytest.raises(RetryLater):
        feed_site.feed.clock_offset()
    with pytest.raises(RetryLater):
        feed_site.feed.order_book(feed_site.symbol)
