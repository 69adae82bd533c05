"""Candles come as the venue closed them: all of them, exact, and never the one in progress."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Candle, find_gaps
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.ports.series_store import CandleWrite
from trading_platform.services.fetch_candles import PAGE_CANDLES
from trading_platform.services.refresh_market import (
    MAX_PAGES_PER_REFRESH,
    MOST_AHEAD_SECONDS,
    RefreshedSeries,
    refresh_candles,
    refresh_held_prices,
    refresh_tickers,
)
from trading_platform.services.value_account import doubt_about_worth
from trading_platform.settings import Settings
from trading_platform_tests.fakes import FakeClock, FakeMarketFeed, FakeSeriesStore
from trading_platform_tests.services.workplace import Workplace
from trading_platform_tests.support.examples import MINUTE, SYMBOL, candle, minutes

ETH = "ETH/USDT"
HISTORY = 500


class Market:
    """A venue with candles from the start on, and an empty store."""

    def __init__(self, closed: int, listed: int = 6000) -> None:
        self.clock = FakeClock(minutes(closed) + timedelta(seconds=20))
        self.feed = FakeMarketFeed(self.clock)
        self.store = FakeSeriesStore()
        for symbol in (SYMBOL, ETH):
            self.feed.add_candles(symbol, MINUTE, [candle(minute) for minute in range(listed)])

    def refresh(self, *symbols: str) -> list[RefreshedSeries]:
        return refresh_candles(self.feed, self.store, self.clock, symbols or (SYMBOL,), [MINUTE], HISTORY)

    def stored(self, symbol: str = SYMBOL) -> list[Candle]:
        return self.store.candles(symbol, MINUTE)


def test_the_first_start_fetches_the_history() -> None:
    market = Market(closed=800)

    [series] = market.refresh()

    assert market.stored() == [candle(minute) for minute in range(300, 800)]
    assert series.write == CandleWrite(inserted=HISTORY)
    assert series.newest_open_time == minutes(799)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 59.999])
def test_a_candle_counts_from_its_close_on(seconds: float) -> None:
    market = Market(closed=800)
    market.refresh()
    market.clock.advance(40 + seconds)  # 801 minutes, and so many seconds

    market.refresh()

    assert market.stored()[-1].open_time == minutes(800)


def test_the_moment_before_its_close_a_candle_is_in_progress() -> None:
    market = Market(closed=800)
    market.clock.advance(39.999)

    market.refresh()

    assert market.stored()[-1].open_time == minutes(799)


def test_nothing_is_asked_for_until_the_next_close() -> None:
    market = Market(closed=800)
    market.refresh()
    asked = len(market.feed.candle_requests)
    market.clock.advance(39)
    [series] = market.refresh()

    assert len(market.feed.candle_requests) == asked
    assert series == RefreshedSeries(SYMBOL, "1m", 0, CandleWrite(), minutes(799))

    market.clock.advance(1)
    [series] = market.refresh()

    assert series.newest_open_time == minutes(800)


@pytest.mark.parametrize("missed", [1, 999, 1000, 1001, 2500])
def test_whatever_was_missed_is_fetched_in_pages(missed: int) -> None:
    market = Market(closed=800)
    market.refresh()
    market.clock.advance(60 * missed)

    [series] = market.refresh()

    assert market.stored() == [candle(minute) for minute in range(300, 800 + missed)]
    assert series.write.inserted == missed
    assert all(limit <= PAGE_CANDLES for *_, limit in market.feed.candle_requests)


def test_a_very_long_pause_is_made_up_over_several_refreshes() -> None:
    missed = MAX_PAGES_PER_REFRESH * PAGE_CANDLES + 700
    market = Market(closed=800, listed=800 + missed)
    market.refresh()
    market.clock.advance(60 * missed)
    before = len(market.feed.candle_requests)

    market.refresh()
    asked = len(market.feed.candle_requests) - before
    market.refresh()

    assert asked == MAX_PAGES_PER_REFRESH
    assert market.stored()[-1].open_time == minutes(800 + missed - 1)
    assert find_gaps([each.open_time for each in market.stored()], MINUTE) == []


def test_a_candle_that_the_venue_publishes_late_is_fetched_later() -> None:
    market = Market(closed=800, listed=800)
    market.refresh()
    market.clock.advance(60)
    [late] = market.refresh()
    market.feed.add_candles(SYMBOL, MINUTE, [candle(800)])

    market.refresh()

    assert late.newest_open_time == minutes(799)
    assert market.stored()[-1] == candle(800)


def test_a_correction_of_the_newest_candle_is_adopted() -> None:
    market = Market(closed=800)
    market.refresh()
    market.feed.add_candles(SYMBOL, MINUTE, [candle(799, "99999.99")])
    market.clock.advance(60)

    [series] = market.refresh()

    assert series.write == CandleWrite(inserted=1, corrected=1)
    assert market.stored()[-2] == candle(799, "99999.99")


def test_one_symbols_silence_does_not_keep_the_others_waiting() -> None:
    market = Market(closed=800)
    market.feed.silent_symbols.add(SYMBOL)

    silent, fine = market.refresh(SYMBOL, ETH)

    assert silent.failure is not None
    assert SYMBOL in silent.failure
    assert (silent.newest_open_time, fine.failure) == (None, None)
    assert len(market.stored(ETH)) == HISTORY


def test_a_symbol_that_the_venue_no_longer_trades_does_not_keep_the_others_waiting() -> None:
    market = Market(closed=800)
    market.feed.delisted_symbols.add(SYMBOL)

    delisted, fine = market.refresh(SYMBOL, ETH)

    assert (delisted.is_refreshed, delisted.failure) == (False, f"the venue doesn't trade {SYMBOL}")
    assert fine.failure is None
    assert len(market.stored(ETH)) == HISTORY

    with pytest.raises(FixSettings, match="doesn't trade"):
        market.refresh(SYMBOL)


def test_series_are_fetched_side_by_side_and_told_in_their_order() -> None:
    market = Market(closed=800)
    market.feed.silent_symbols.add(ETH)

    refreshed = refresh_candles(market.feed, market.store, market.clock, [ETH, SYMBOL], [MINUTE], HISTORY, at_once=4)

    assert [(series.symbol, series.failure is None) for series in refreshed] == [(ETH, False), (SYMBOL, True)]
    assert len(market.stored()) == HISTORY


def test_a_hole_that_could_not_be_filled_is_told() -> None:
    market = Market(closed=800)
    market.refresh()
    market.clock.advance(60 * 5)
    market.store.write_candles(SYMBOL, MINUTE, [candle(804)], source="stream", received_at=minutes(805))
    market.feed.silent_symbols.add(SYMBOL)  # its newest candle is there: only the hole is asked for

    [series] = market.refresh()

    assert series.failure == f"a hole couldn't be filled: no answer about {SYMBOL}"
    assert (series.is_refreshed, series.newest_open_time) == (True, minutes(804))

    market.feed.silent_symbols.clear()
    [series] = market.refresh()
    assert (series.failure, series.repaired) == (None, 4)


def test_silence_of_all_is_a_failure() -> None:
    market = Market(closed=800)
    market.feed.is_silent = True

    with pytest.raises(RetryLater, match="no candles could be refreshed"):
        market.refresh(SYMBOL, ETH)


def test_values_are_exact_decimals() -> None:
    market = Market(closed=800)
    exact = Candle(minutes(799), *map(Decimal, ("0.00001234", "0.10000000", "0.00001233", "0.00001235", "0.1")))
    market.feed.add_candles(SYMBOL, MINUTE, [exact])

    market.refresh()

    assert market.stored()[-1] == exact
    assert str(market.stored()[-1].high) == "0.10000000"


def test_prices_of_all_symbols_are_kept() -> None:
    market = Market(closed=800)

    fetched = refresh_tickers(market.feed, market.store, market.clock, [SYMBOL, ETH])

    assert {ticker.symbol: ticker for ticker in fetched} == market.store.tickers([SYMBOL, ETH])
    assert set(market.store.tickers([SYMBOL, ETH])) == {SYMBOL, ETH}


def _priced(market: Market, symbol: str, ahead_seconds: float, last: str = "7") -> Ticker:
    now, price = market.clock.read(), Decimal(last)
    venue_time = now.now + timedelta(seconds=ahead_seconds)
    return Ticker(symbol, price, price, price, venue_time, now.wall)


def test_a_price_from_the_future_is_left_out() -> None:
    market = Market(closed=800)
    fine = _priced(market, ETH, MOST_AHEAD_SECONDS)
    for symbol, ahead in ((ETH, MOST_AHEAD_SECONDS), (SYMBOL, MOST_AHEAD_SECONDS + 1)):
        market.feed.set_ticker(_priced(market, symbol, ahead))
        market.feed.ahead_seconds[symbol] = ahead
    assert refresh_tickers(market.feed, market.store, market.clock, [SYMBOL, ETH]) == [fine]
    assert market.store.tickers([SYMBOL, ETH]) == {ETH: fine}


def test_that_every_price_is_from_the_future_is_a_failure() -> None:
    market = Market(closed=800)
    market.feed.set_ticker(_priced(market, SYMBOL, 3600))
    market.feed.ahead_seconds[SYMBOL] = 3600
    with pytest.raises(RetryLater, match="still to come"):
        refresh_tickers(market.feed, market.store, market.clock, [SYMBOL])
    assert market.store.tickers([SYMBOL]) == {}


def test_a_stored_price_from_the_future_keeps_no_other_out() -> None:
    market = Market(closed=800)
    market.store.write_tickers([_priced(market, SYMBOL, 3600)])
    market.feed.set_ticker(_priced(market, SYMBOL, 0, "8"))
    refresh_tickers(market.feed, market.store, market.clock, [SYMBOL])
    assert market.store.tickers([SYMBOL])[SYMBOL].last == 8


def _without_eth(place: Workplace) -> Settings:
    market = place.settings.market.model_copy(update={"symbols": (SYMBOL,)})
    return place.settings.model_copy(update={"market": market})


def test_the_price_of_what_is_held_is_fetched_though_the_settings_name_it_no_more() -> None:
    place = Workplace()
    place.buys("ETH/USDT")
    place.clock.advance(3600)
    now = place.clock.read()
    place.feed.set_ticker(Ticker("ETH/USDT", Decimal(799), Decimal(800), Decimal(800), now.now, now.wall))

    [fetched] = refresh_held_prices(place.feed, place.store, place.clock, place.ledger, _without_eth(place))

    assert fetched.bid == 799
    assert place.store.tickers(["ETH/USDT"])["ETH/USDT"] == fetched
    # with these settings it is among the others
    assert refresh_held_prices(place.feed, place.store, place.clock, place.ledger, place.settings) == []


def test_the_price_of_the_owners_own_coin_is_fetched_for_the_accounts_worth() -> None:
    place = Workplace(start_with={"USDT": Decimal("84.54"), "ETH": Decimal("0.1")})
    place.trade()
    settings = _without_eth(place)
    place.clock.advance(3600)
    now = place.clock.read()
    place.feed.set_ticker(Ticker("ETH/USDT", Decimal(799), Decimal(800), Decimal(800), now.now, now.wall))
    assert "ETH/USDT" in str(doubt_about_worth(place.ledger, place.store, place.clock, settings))

    [fetched] = refresh_held_prices(place.feed, place.store, place.clock, place.ledger, settings)

    assert fetched.symbol == "ETH/USDT"
    assert doubt_about_worth(place.ledger, place.store, place.clock, settings) is None


def test_a_held_symbol_that_the_venue_has_dropped_keeps_nobody_from_the_others() -> None:
    place = Workplace()
    place.buys("ETH/USDT")
    place.feed.delisted_symbols = {"ETH/USDT"}

    assert refresh_held_prices(place.feed, place.store, place.clock, place.ledger, _without_eth(place)) == []
