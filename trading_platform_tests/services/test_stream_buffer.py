"""What waits for the store is bounded, and leaves only when it has been stored."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.stream_event import BookTop
from trading_platform.services.stream_buffer import ClosedCandle, StreamBuffer, store_candles, store_prices
from trading_platform_tests.fakes import FakeClock, FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes

ONE, TWO = Decimal(1), Decimal(2)


def _closed(minute: int, close: str = "84705.64") -> ClosedCandle:
    return ClosedCandle(SYMBOL, MINUTE, candle(minute, close), minutes(minute + 1))


def test_only_the_newest_price_waits_and_only_when_it_is_whole() -> None:
    buffer = StreamBuffer(10)
    buffer.put_top(BookTop(SYMBOL, ONE, TWO, START))
    assert buffer.prices() == []

    buffer.put_last(SYMBOL, ONE)
    buffer.put_top(BookTop(SYMBOL, TWO, TWO, START))
    [price] = buffer.prices()
    assert (price.top.bid, price.last) == (TWO, ONE)

    buffer.prices_stored([price])
    assert buffer.prices() == []


def test_a_price_that_came_while_another_was_being_stored_still_waits() -> None:
    buffer = StreamBuffer(10)
    buffer.put_top(BookTop(SYMBOL, ONE, TWO, START, last=ONE))
    being_stored = buffer.prices()
    buffer.put_top(BookTop(SYMBOL, TWO, TWO, START))
    buffer.prices_stored(being_stored)

    assert [price.top.bid for price in buffer.prices()] == [TWO]


def test_the_oldest_candles_are_dropped_beyond_the_bound() -> None:
    buffer = StreamBuffer(3)
    for minute in range(5):
        buffer.put_candle(_closed(minute))

    assert [closed.candle.open_time for closed in buffer.candles()] == [minutes(2), minutes(3), minutes(4)]
    assert buffer.dropped_candles == 2


def test_a_corrected_candle_replaces_the_one_that_waits() -> None:
    buffer = StreamBuffer(3)
    buffer.put_candle(_closed(0))
    being_stored = buffer.candles()
    buffer.put_candle(_closed(0, "84706"))
    buffer.candles_stored(being_stored)

    assert [closed.candle.close for closed in buffer.candles()] == [Decimal(84706)]


def _store_with_history() -> FakeSeriesStore:
    store = FakeSeriesStore()
    store.write_candles(SYMBOL, MINUTE, [candle(0)], source="rest", received_at=minutes(1))
    return store


def test_candles_are_stored_in_order_and_twice_changes_nothing() -> None:
    store = _store_with_history()
    for _ in range(2):
        store_candles(store, [_closed(2), _closed(1)])

    assert store.candles(SYMBOL, MINUTE) == [candle(0), candle(1, "84705.64"), candle(2, "84705.64")]


def test_a_series_without_history_is_left_to_rest() -> None:
    store = FakeSeriesStore()
    store_candles(store, [_closed(1)])

    assert store.newest_open_time(SYMBOL, MINUTE) is None


def test_a_stream_makes_no_hole() -> None:
    store = _store_with_history()
    store_candles(store, [_closed(1), _closed(3), _closed(4)])
    assert store.newest_open_time(SYMBOL, MINUTE) == minutes(1)

    store.write_candles(SYMBOL, MINUTE, [candle(2), candle(3)], source="rest", received_at=minutes(4))
    store_candles(store, [_closed(4), _closed(0, "84706")])
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE)] == [minutes(number) for number in range(5)]
    assert store.candles(SYMBOL, MINUTE)[0].close == Decimal(84706)  # a late correction is no hole


def test_a_price_is_as_old_at_the_venue_as_it_is_here() -> None:
    store, clock = FakeSeriesStore(), FakeClock(START, speed=60)
    buffer = StreamBuffer(3)
    buffer.put_top(BookTop(SYMBOL, ONE, TWO, START, last=ONE))
    clock.advance(2)
    store_prices(store, clock, buffer.prices())

    assert store.tickers([SYMBOL])[SYMBOL] == Ticker(SYMBOL, ONE, TWO, ONE, START, START, "stream")
    assert clock.read().now == START + timedelta(minutes=2)


def test_trouble_is_passed_on() -> None:
    store, clock = FakeSeriesStore(), FakeClock(START)
    buffer = StreamBuffer(3)
    buffer.put_top(BookTop(SYMBOL, ONE, TWO, START, last=ONE))
    clock.venue_is_silent = True
    with pytest.raises(RetryLater):
        store_prices(store, clock, buffer.prices())
    store.is_down = True
    with pytest.raises(RetryLater):
        store_candles(store, [_closed(0)])
