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


def _store_up_to(minute: int) -> FakeSeriesStore:
    store = FakeSeriesStore()
    candles = [candle(number) for number in range(minute + 1)]
    store.write_candles(SYMBOL, MINUTE, candles, source="rest", received_at=minutes(minute + 1))
    return store


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


def test_candles_are_stored_in_order_and_twice_changes_nothing() -> None:
    store = _store_up_to(0)
    for _ in range(2):
        assert len(store_candles(store, [_closed(2), _closed(1)])) == 2

    assert store.candles(SYMBOL, MINUTE)[1:] == [candle(1, "84705.64"), candle(2, "84705.64")]


def test_a_candle_beyond_a_hole_waits_until_rest_has_filled_it() -> None:
    store = _store_up_to(0)
    waiting = [_closed(1), _closed(3)]
    assert store_candles(store, waiting) == waiting[:1]
    assert store.newest_open_time(SYMBOL, MINUTE) == minutes(1)  # where REST goes on

    store.write_candles(SYMBOL, MINUTE, [candle(2)], source="rest", received_at=minutes(4))
    assert store_candles(store, waiting[1:]) == waiting[1:]


def test_the_first_candles_are_rests_to_fetch() -> None:
    store = FakeSeriesStore()

    assert store_candles(store, [_closed(1)]) == []
    assert store.newest_open_time(SYMBOL, MINUTE) is None


def test_a_late_candle_inside_the_series_is_stored() -> None:
    store = _store_up_to(5)

    assert len(store_candles(store, [_closed(3, "84706")])) == 1
    assert store.candles(SYMBOL, MINUTE)[3].close == 84706


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
