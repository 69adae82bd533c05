"""Holes are filled from the venue; what it hasn't either is its own gap, and nothing is ever invented."""

from __future__ import annotations

import pytest

from trading_platform.domain.candle import find_gaps
from trading_platform.domain.errors import RetryLater
from trading_platform.services.fetch_candles import PAGE_CANDLES
from trading_platform.services.repair_gaps import ASK_AGAIN_AFTER, MAX_PAGES_PER_REPAIR, Repair, repair_gaps
from trading_platform_tests.services.holed_market import HoledMarket, gap, walking
from trading_platform_tests.support.examples import MINUTE, SYMBOL, minutes


def repair(market: HoledMarket, since: int = 0) -> Repair:
    return repair_gaps(market.feed, market.store, market.clock, SYMBOL, MINUTE, minutes(since))


def test_a_whole_series_asks_for_nothing() -> None:
    market = HoledMarket(closed=100)
    market.hold(range(100))
    assert repair(market) == Repair()
    assert market.requests() == 0


@pytest.mark.parametrize("length", [1, 60, PAGE_CANDLES - 1, PAGE_CANDLES, PAGE_CANDLES + 1, 2500])
def test_a_hole_of_any_length_is_filled_with_the_venues_candles(length: int) -> None:
    market = HoledMarket(closed=length + 20)
    market.hold([*range(10), *range(10 + length, length + 20)])

    done = repair(market)

    assert (done.repaired, done.venue_gaps) == (length, 0)
    assert market.stored() == [walking(number) for number in range(length + 20)]
    assert market.known_gaps() == []
    assert {limit <= PAGE_CANDLES for *_, limit in market.feed.candle_requests} == {True}


def test_what_is_filled_says_that_it_came_by_rest() -> None:
    market = HoledMarket(closed=10)
    market.hold([0, 1, 3])
    repair(market)
    assert list(market.store.sources(SYMBOL, MINUTE, start=minutes(1), end=minutes(4)).values()) == [
        "stream",
        "rest",
        "stream",
    ]


def test_what_the_venue_lacks_is_recorded_and_not_invented() -> None:
    market = HoledMarket(closed=50, published=[*range(10), *range(20, 60)])
    market.hold([*range(5), *range(30, 50)])

    done = repair(market)

    assert (done.repaired, done.venue_gaps) == (15, 10)
    assert market.known_gaps() == [gap(10, 19)]
    assert [each.confirmed_at for each in market.known_gaps()] == [market.clock.wall()]
    times = [each.open_time for each in market.stored()]
    assert find_gaps(times, MINUTE) == [gap(10, 19)]
    assert find_gaps(times, MINUTE, market.known_gaps()) == []


def test_a_known_gap_is_asked_for_again_later_and_ends_when_the_venue_delivers() -> None:
    market = HoledMarket(closed=50, published=[*range(10), *range(20, 200)])
    market.hold([*range(10), *range(20, 50)])
    repair(market)
    asked = market.requests()

    repair(market)
    assert market.requests() == asked

    market.publish(range(10, 15))
    market.clock.advance(ASK_AGAIN_AFTER.total_seconds())
    done = repair(market)

    assert market.requests() == asked + 1
    assert (done.repaired, done.venue_gaps) == (5, 5)
    assert market.known_gaps() == [gap(15, 19)]
    assert market.stored()[10:15] == [walking(number) for number in range(10, 15)]


def test_holes_close_to_each_other_are_asked_for_at_once() -> None:
    market = HoledMarket(closed=900)
    market.hold(number for number in range(900) if number % 3)

    repair(market)

    assert market.requests() == 1
    assert market.stored() == [walking(number) for number in range(1, 900)]


def test_the_newest_hole_comes_first_and_the_rest_at_the_next_call() -> None:
    pages = MAX_PAGES_PER_REPAIR * PAGE_CANDLES
    market = HoledMarket(closed=pages + 6000)
    market.hold([0, *range(pages + 2000, pages + 4000), *range(pages + 4500, pages + 6000)])

    first = repair(market)

    assert market.requests() == MAX_PAGES_PER_REPAIR
    assert market.stored()[-2000:] == [walking(number) for number in range(pages + 4000, pages + 6000)]
    second = repair(market)
    assert find_gaps([each.open_time for each in market.stored()], MINUTE) == []
    assert first.repaired + second.repaired == pages + 1999 + 500


def test_only_the_newest_time_is_repaired() -> None:
    market = HoledMarket(closed=100)
    market.hold([0, 1, *range(50, 60), *range(90, 100)])

    repair(market, since=30)

    assert find_gaps([each.open_time for each in market.stored()], MINUTE) == [gap(2, 29)]
    assert market.known_gaps() == []


def test_an_answer_without_candles_proves_nothing() -> None:
    market = HoledMarket(closed=100, published=[])
    market.hold([*range(10), *range(20, 100)])

    assert repair(market) == Repair(0, 0, ((minutes(10), minutes(20)),))

    assert market.known_gaps() == []
    market.publish(range(100))
    assert repair(market).repaired == 10


def test_a_silent_venue_is_asked_again() -> None:
    market = HoledMarket(closed=100)
    market.hold([*range(10), *range(20, 100)])
    market.feed.is_silent = True
    with pytest.raises(RetryLater):
        repair(market)
    market.feed.is_silent = False
    assert repair(market).repaired == 10


def test_what_the_venue_serves_no_more_is_no_gap_of_its_own() -> None:
    market = HoledMarket(closed=3000)
    market.feed.served_candles = 720
    market.hold([*range(1000), *range(2500, 3000)])

    done = repair(market)

    assert market.stored()[1000] == walking(3000 - 718)  # one less than it serves: the next may begin meanwhile
    assert (done.repaired, done.venue_gaps) == (2500 - (3000 - 718), 0)
    assert market.known_gaps() == []
    asked = market.requests()
    assert repair(market) == Repair()
    assert market.requests() == asked


def test_a_hole_within_what_is_served_is_the_venues_own() -> None:
    market = HoledMarket(closed=1000, published=[*range(600), *range(620, 1010)])
    market.feed.served_candles = 720
    market.hold([*range(590), *range(640, 1000)])
    done = repair(market)
    assert (done.repaired, done.venue_gaps) == (30, 20)
    assert market.known_gaps() == [gap(600, 619)]
