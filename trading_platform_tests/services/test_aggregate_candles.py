"""Longer candles made here: the venue's own to the last digit, remade when the shorter ones change."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from trading_platform.domain.aggregation import aggregate_candles
from trading_platform.domain.candle import Candle, Interval
from trading_platform.services.aggregate_candles import LocalInterval, aggregate_history, aggregate_new, remake
from trading_platform.services.refresh_market import RefreshedSeries, refresh_candles
from trading_platform_tests.services.holed_market import HoledMarket, gap, walking
from trading_platform_tests.support.examples import MINUTE, SYMBOL, candle, minutes

FIVE, HOUR = Interval.parse("5m"), Interval.parse("1h")
LOCAL = LocalInterval(SYMBOL, MINUTE, FIVE)


def made_of(numbers: Iterable[int], interval: Interval = FIVE) -> list[Candle]:
    return aggregate_candles([walking(number) for number in numbers], MINUTE, interval).candles


def refresh(market: HoledMarket, *intervals: Interval, history: int = 50) -> list[RefreshedSeries]:
    chosen = intervals or (MINUTE, FIVE)
    return refresh_candles(market.feed, market.store, market.clock, [SYMBOL], chosen, history, aggregate_locally=True)


def test_the_history_is_made_first_and_then_what_is_new() -> None:
    market = HoledMarket(closed=108, published=range(300))
    market.hold(range(3, 108))
    assert aggregate_new(market.store, market.clock, LOCAL, 10).inserted == 10
    assert market.stored(FIVE) == made_of(range(55, 105))
    assert aggregate_new(market.store, market.clock, LOCAL, 10).inserted == 0

    market.hold(range(108, 110))
    assert aggregate_new(market.store, market.clock, LOCAL, 10).inserted == 1
    assert market.stored(FIVE) == made_of(range(55, 110))
    sources = market.store.sources(SYMBOL, FIVE, start=minutes(0), end=minutes(200))
    assert set(sources.values()) == {"aggregated"}


def test_a_correction_in_the_newest_candle_is_taken_over() -> None:
    market = HoledMarket(closed=10)
    market.hold(range(10))
    aggregate_new(market.store, market.clock, LOCAL, 10)
    corrected = candle(9, "99999.5")
    market.store.write_candles(SYMBOL, MINUTE, [corrected], source="rest", received_at=minutes(0))
    market.hold(range(10, 15))

    assert aggregate_new(market.store, market.clock, LOCAL, 10).corrected == 1

    assert market.stored(FIVE)[1].close == corrected.close


def test_a_history_is_made_in_parts() -> None:
    days = 70
    numbers = range(0, days * 24 * 60, 60)
    market = HoledMarket(closed=days * 24 * 60, published=[])
    hourly, daily = HOUR, Interval.parse("1d")
    market.store.write_candles(
        SYMBOL, hourly, [walking(number) for number in numbers], source="archive", received_at=minutes(0)
    )
    local = LocalInterval(SYMBOL, hourly, daily)

    write = aggregate_history(market.store, market.clock, local, minutes(0), minutes(days * 24 * 60))

    assert write.inserted == days
    assert market.stored(daily) == aggregate_candles([walking(n) for n in numbers], hourly, daily).candles


def test_an_incomplete_bucket_waits_for_its_candles() -> None:
    market = HoledMarket(closed=20)
    market.hold([*range(7), *range(9, 20)])
    aggregate_new(market.store, market.clock, LOCAL, 10)
    assert [each.open_time for each in market.stored(FIVE)] == [minutes(0), minutes(10), minutes(15)]

    market.hold([7, 8])
    assert remake(market.store, market.clock, LOCAL, [(minutes(7), minutes(9))], minutes(0)) == 1

    assert market.stored(FIVE) == made_of(range(20))


@pytest.mark.parametrize("missing", [range(11, 13), range(7, 18), range(10, 15)])
def test_a_gap_of_the_venues_own_is_passed_over_as_the_venue_does(missing: range) -> None:
    held = [number for number in range(30) if number not in missing]
    market = HoledMarket(closed=30, published=[*held, *range(30, 99)])
    market.hold(held)

    _, fives = refresh(market)

    own = [gap(missing.start, missing.stop - 1)]
    expected = aggregate_candles([walking(number) for number in held], MINUTE, FIVE, own).candles
    assert market.stored(FIVE) == expected
    assert market.known_gaps() == own
    whole_bucket = [each for each in market.known_gaps(FIVE) if each.first_missing == minutes(10)]
    assert len(whole_bucket) == (1 if set(range(10, 15)) <= set(missing) else 0)
    assert fives.failure is None


def test_only_the_shortest_interval_is_asked_for() -> None:
    market = HoledMarket(closed=800)
    one, five = refresh(market)
    assert {interval for _, interval, *_ in market.feed.candle_requests} == {"1m"}
    assert (one.interval, five.interval) == ("1m", "5m")
    assert len(market.stored()) == 250
    assert market.stored(FIVE) == made_of(range(550, 800))
    assert five.newest_open_time == minutes(795)

    market.clock.advance(300)
    _, five = refresh(market)
    assert (five.write.inserted, five.newest_open_time) == (1, minutes(800))


def test_a_long_interval_gets_a_history_of_its_own_length() -> None:
    market = HoledMarket(closed=60 * 50, published=range(60 * 50 + 5))
    refresh(market, MINUTE, HOUR, history=20)
    assert len(market.stored(HOUR)) == 20
    assert market.stored(HOUR) == made_of(range(60 * 30, 60 * 50), HOUR)


def test_a_repaired_hole_is_repaired_in_the_longer_candles_too() -> None:
    market = HoledMarket(closed=200)
    refresh(market)
    market.clock.advance(60 * 100)
    market.publish(range(400))
    market.hold(range(250, 300))  # a stream that has come back before the gap is filled

    one, five = refresh(market)

    assert (one.repaired, market.stored()[-100:]) == (50, [walking(number) for number in range(200, 300)])
    assert five.repaired + five.write.inserted == 20
    assert market.stored(FIVE) == made_of(range(300))[-len(market.stored(FIVE)) :]
    assert market.stored(FIVE)[-1].open_time == minutes(295)
