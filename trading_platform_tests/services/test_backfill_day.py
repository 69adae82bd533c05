"""A day of the past: filled, compared, corrected, its gaps recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.ports.series_store import CandleWrite
from trading_platform.services.backfill_day import FilledSeries, backfill_day
from trading_platform_tests.services.holed_market import HoledMarket, gap, walking
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes

DAY = 1440


def fill(market: HoledMarket, day: int = 0) -> FilledSeries:
    date = (START + timedelta(days=day)).date()
    [filled] = backfill_day(market.feed, market.store, market.clock, [SYMBOL], MINUTE, date)
    return filled


def test_a_day_is_filled_and_nothing_beside_it() -> None:
    market = HoledMarket(closed=3 * DAY)
    filled = fill(market, 1)
    assert market.stored() == [walking(number) for number in range(DAY, 2 * DAY)]
    assert (filled.closed, filled.fetched, filled.write) == (DAY, DAY, CandleWrite(inserted=DAY))
    assert filled.agreement.agrees
    assert filled.agreement.summary() == "no stored candles to compare"
    assert set(market.store.sources(SYMBOL, MINUTE, start=minutes(DAY), end=minutes(2 * DAY)).values()) == {"rest"}


def test_filling_it_again_changes_nothing() -> None:
    market = HoledMarket(closed=3 * DAY)
    fill(market)
    again = fill(market)
    assert again.write == CandleWrite(unchanged=DAY)
    assert again.agreement.summary() == "1440 stored candles compared (1440 by rest)"


def test_a_day_that_is_not_over_has_its_closed_candles_only() -> None:
    market = HoledMarket(closed=DAY + 100)
    filled = fill(market, 1)
    assert (filled.closed, filled.fetched) == (100, 100)
    assert market.stored()[-1] == walking(DAY + 99)
    assert market.known_gaps() == []


def test_a_day_that_has_not_begun_is_refused() -> None:
    market = HoledMarket(closed=100)
    with pytest.raises(RetryLater, match="no closed 1m candle yet"):
        fill(market, 1)


def test_the_venues_gaps_are_recorded_those_at_the_days_edges_too() -> None:
    missing = {*range(5), *range(600, 660), DAY - 1}
    market = HoledMarket(closed=2 * DAY, published=[number for number in range(2 * DAY) if number not in missing])
    filled = fill(market)
    expected = [gap(0, 4), gap(600, 659), gap(DAY - 1, DAY - 1)]
    assert list(filled.gaps) == expected
    assert market.known_gaps() == expected

    market.publish(range(600, 660))
    assert fill(market).write == CandleWrite(inserted=60, unchanged=DAY - 66)
    assert market.known_gaps() == [gap(0, 4), gap(DAY - 1, DAY - 1)]


def test_a_day_before_the_symbol_was_listed_is_one_gap() -> None:
    market = HoledMarket(closed=2 * DAY, published=range(DAY + 30, 2 * DAY))
    filled = fill(market)
    assert (filled.fetched, list(filled.gaps)) == (0, [gap(0, DAY - 1)])


def test_live_rows_that_differ_are_shown_and_corrected() -> None:
    market = HoledMarket(closed=2 * DAY)
    market.hold(range(DAY))
    wrong = candle(77, "1.5")
    market.store.write_candles(SYMBOL, MINUTE, [wrong], source="stream", received_at=START)

    filled = fill(market)

    [difference] = filled.agreement.differences
    assert (difference.source, difference.stored, difference.published) == ("stream", wrong, walking(77))
    assert not filled.agreement.agrees
    assert "1 differ, the first: 2025-03-01 01:17 UTC (stream)" in filled.agreement.summary()
    assert "close 1.5 instead of 50077.25" in filled.agreement.summary()
    assert filled.write == CandleWrite(corrected=1, unchanged=DAY - 1)
    assert market.stored()[77] == walking(77)
    assert fill(market).agreement.agrees


def test_rows_that_the_venue_does_not_publish_are_shown() -> None:
    market = HoledMarket(closed=2 * DAY, published=[number for number in range(2 * DAY) if number != 50])
    market.hold(range(100))
    filled = fill(market)
    assert filled.agreement.unpublished == [minutes(50)]
    assert not filled.agreement.agrees
    assert "1 that the venue doesn't publish, the first: 2025-03-01 00:50 UTC" in filled.agreement.summary()
    assert market.known_gaps() == []  # a stored candle is not missing


def test_one_symbols_silence_fails_the_day_but_not_the_others() -> None:
    market = HoledMarket(closed=2 * DAY)
    market.feed.silent_symbols.add("ETH/USDT")
    with pytest.raises(RetryLater, match="1 of 2 symbols"):
        backfill_day(market.feed, market.store, market.clock, ["ETH/USDT", SYMBOL], MINUTE, START.date())
    assert len(market.stored()) == DAY


def test_a_day_that_the_venue_serves_no_more_is_told_and_not_taken_for_a_gap() -> None:
    market = HoledMarket(closed=4 * DAY)
    market.feed.served_candles = 720
    with pytest.raises(FixSettings, match=r"newest 720 1m candles only.*trading-platform import"):
        fill(market, 1)
    assert (market.stored(), market.known_gaps(), market.requests()) == ([], [], 0)


def test_a_day_that_the_venue_serves_in_part_is_filled_in_part() -> None:
    market = HoledMarket(closed=DAY)
    market.feed.served_candles = 720
    filled = fill(market)
    assert (filled.closed, filled.fetched, filled.gaps) == (DAY, 718, [])
    assert market.stored()[0] == walking(DAY - 718)
    assert market.known_gaps() == []
