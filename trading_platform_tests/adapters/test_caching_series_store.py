"""What is kept in memory is what the store has, as old as allowed and as much as allowed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.adapters.caching_series_store import CachingSeriesStore
from trading_platform.domain.candle import Candle
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes

LAG = 1.0
WINDOW = 50


class CountingStore(FakeSeriesStore):
    """Counts the candles that are read, and the questions after versions."""

    def __init__(self) -> None:
        super().__init__()
        self.candles_read = 0
        self.version_questions = 0

    def candles(self, *args: Any, **kwargs: Any) -> list[Candle]:
        found = super().candles(*args, **kwargs)
        self.candles_read += len(found)
        return found

    def versions(self, ranges: Any) -> Any:
        self.version_questions += 1
        return super().versions(ranges)

    def by_another_process(self, *candles: Candle, symbol: str = SYMBOL) -> None:
        """Written past the cache."""
        self.write_candles(symbol, MINUTE, candles, source="stream", received_at=START)


class Site:
    def __init__(self, most_candles: int = 10_000) -> None:
        self.store = CountingStore()
        self.seconds = 0.0
        self.cache = CachingSeriesStore(
            self.store,
            most_candles=most_candles,
            candle_check_seconds=LAG,
            price_seconds=5,
            wall=lambda: START + timedelta(seconds=self.seconds),
            monotonic_seconds=lambda: self.seconds,
        )

    def closes(self, symbol: str = SYMBOL) -> list[float]:
        return list(self.cache.candle_frame(symbol, MINUTE, newest=WINDOW)["close"])

    def agrees(self, symbol: str = SYMBOL) -> bool:
        """With the store, in every way of asking."""
        frame, true = (s.candle_frame(symbol, MINUTE, newest=WINDOW) for s in (self.cache, self.store))
        return (
            frame.equals(true)
            and self.cache.candles(symbol, MINUTE, newest=WINDOW) == self.store.candles(symbol, MINUTE, newest=WINDOW)
            and self.cache.newest_open_time(symbol, MINUTE) == self.store.newest_open_time(symbol, MINUTE)
        )


@pytest.fixture
def site() -> Site:
    made = Site()
    made.store.by_another_process(*(candle(minute, f"{minute + 1}") for minute in range(100)))
    made.closes()
    made.seconds += LAG
    return made


def test_a_tick_without_news_reads_nothing(site: Site) -> None:
    site.store.candles_read = site.store.version_questions = 0
    site.closes()
    site.cache.candles(SYMBOL, MINUTE, newest=WINDOW)
    site.cache.newest_open_time(SYMBOL, MINUTE)
    assert (site.store.candles_read, site.store.version_questions) == (0, 1)


def test_a_tick_reads_only_what_is_new(site: Site) -> None:
    site.store.by_another_process(candle(100, "7"), candle(101, "8"))
    site.store.candles_read = 0
    assert site.closes()[-3:] == [100, 7, 8]
    assert site.store.candles_read == 2


@pytest.mark.parametrize("news", [[candle(80, "7")], [candle(99, "7")], [candle(100), candle(60, "7")]])
def test_another_processs_correction_is_seen(site: Site, news: list[Candle]) -> None:
    site.store.by_another_process(*news)
    assert site.agrees()


def test_a_candle_that_was_late_is_seen() -> None:
    site = Site()
    site.store.by_another_process(*(candle(minute) for minute in range(100) if minute != 80))
    site.closes()
    site.store.by_another_process(candle(80), candle(100))
    site.seconds += LAG
    assert site.agrees()


def test_other_processes_may_go_unnoticed_only_so_long(site: Site) -> None:
    site.closes()
    site.store.by_another_process(candle(100, "7"))
    site.seconds += LAG * 0.9
    assert site.closes()[-1] == 100
    site.seconds += LAG * 0.1
    assert site.closes()[-1] == 7


def test_what_this_process_writes_is_seen_at_once(site: Site) -> None:
    site.closes()
    site.cache.write_candles(SYMBOL, MINUTE, [candle(100, "7"), candle(90, "3")], source="rest", received_at=START)
    assert site.agrees()


def test_all_series_are_compared_in_one_question(site: Site) -> None:
    symbols = [f"C{number}/USDT" for number in range(20)]
    for symbol in symbols:
        site.store.by_another_process(*(candle(minute) for minute in range(60)), symbol=symbol)
        site.closes(symbol)
    site.seconds += LAG
    site.store.version_questions = 0
    for symbol in symbols:
        site.closes(symbol)
    assert site.store.version_questions == 1


def test_memory_is_bounded_in_series_and_in_length() -> None:
    site = Site(most_candles=400)
    for number in range(30):
        site.store.by_another_process(*(candle(minute) for minute in range(60)), symbol=f"C{number}/USDT")
        site.closes(f"C{number}/USDT")
    for minute in range(60, 400):
        site.store.by_another_process(candle(minute), symbol="C29/USDT")
        site.seconds += LAG
        assert site.agrees("C29/USDT")
        assert sum(map(len, site.cache._windows.values())) <= 400
    assert len(site.cache.candles("C29/USDT", MINUTE, newest=300)) == 300  # served, not kept


def test_a_store_out_of_reach_is_told(site: Site) -> None:
    site.store.is_down = True
    with pytest.raises(RetryLater):
        site.closes()


def test_what_the_cache_gives_away_is_not_the_cache(site: Site) -> None:
    frame = site.cache.candle_frame(SYMBOL, MINUTE, newest=WINDOW)
    frame.iloc[:] = 0.0
    site.cache.candles(SYMBOL, MINUTE, newest=WINDOW).clear()
    assert site.agrees()


def ticker(last: str, received_at_second: float) -> Ticker:
    received = START + timedelta(seconds=received_at_second)
    return Ticker(SYMBOL, Decimal(last) - 1, Decimal(last) + 1, Decimal(last), received, received)


def test_no_price_older_than_its_limit_leaves_the_cache() -> None:
    site = Site()
    site.store.write_tickers([ticker("10", 0)])
    site.seconds = 4.0
    assert site.cache.tickers([SYMBOL])[SYMBOL].last == 10
    site.store.write_tickers([ticker("11", 4)])
    assert site.cache.tickers([SYMBOL])[SYMBOL].last == 10
    site.seconds = 5.0
    assert site.cache.tickers([SYMBOL])[SYMBOL].last == 11
    site.store.is_down = True
    site.seconds = 8.9
    assert site.cache.tickers([SYMBOL])[SYMBOL].last == 11
    site.seconds = 9.0
    with pytest.raises(RetryLater):
        site.cache.tickers([SYMBOL])


def test_a_price_of_the_future_is_not_believed() -> None:
    site = Site()
    site.store.write_tickers([ticker("10", 60)])
    site.cache.tickers([SYMBOL])
    site.store.write_tickers([ticker("11", 61)])
    assert site.cache.tickers([SYMBOL])[SYMBOL].last == 11


def test_a_price_that_this_process_writes_counts_at_once() -> None:
    site = Site()
    site.cache.write_tickers([ticker("10", 0)])
    assert site.cache.tickers([SYMBOL])[SYMBOL].last == 10
    site.cache.write_tickers([ticker("11", 0.5)])
    assert site.cache.tickers([SYMBOL, "NO/ONE"]) == {SYMBOL: ticker("11", 0.5)}
    assert minutes(0) == START


def test_what_was_just_written_is_served_without_reading_it(site: Site) -> None:
    site.closes()
    site.store.candles_read = site.store.version_questions = 0

    site.cache.write_candles(SYMBOL, MINUTE, [candle(99, "100"), candle(100, "7")], source="rest", received_at=START)

    assert site.closes()[-2:] == [100.0, 7.0]
    assert (site.store.candles_read, site.store.version_questions) == (0, 0)
    site.seconds += LAG
    assert site.agrees()


def test_a_write_that_corrects_is_compared_at_once(site: Site) -> None:
    site.closes()

    site.cache.write_candles(SYMBOL, MINUTE, [candle(99, "5"), candle(100, "7")], source="rest", received_at=START)

    assert site.closes()[-2:] == [5.0, 7.0]


def test_holes_are_read_again_when_the_newest_candles_have_one(site: Site) -> None:
    start = minutes(0)
    assert site.cache.missing_candles(SYMBOL, MINUTE, start=start) == []

    site.cache.write_candles(SYMBOL, MINUTE, [candle(100, "1")], source="rest", received_at=START)
    site.store.missing_candles = lambda *_, **__: pytest.fail("read again")  # type: ignore[method-assign]
    assert site.cache.missing_candles(SYMBOL, MINUTE, start=start) == []
    del site.store.missing_candles  # type: ignore[misc]
    site.store.by_another_process(candle(105, "1"))
    site.seconds += LAG

    assert site.cache.missing_candles(SYMBOL, MINUTE, start=start) == site.store.missing_candles(
        SYMBOL, MINUTE, start=start
    )
    assert [gap.candles for gap in site.cache.missing_candles(SYMBOL, MINUTE, start=start)] == [4]


def test_holes_among_old_candles_are_noticed_within_a_minute(site: Site) -> None:
    assert site.cache.missing_candles(SYMBOL, MINUTE, start=minutes(-20)) == []

    site.store.by_another_process(candle(-9, "1"))
    site.seconds += 60

    assert [gap.candles for gap in site.cache.missing_candles(SYMBOL, MINUTE, start=minutes(-20))] == [8]


def test_a_recorded_gap_is_known_at_once(site: Site) -> None:
    start = minutes(0)
    site.store.by_another_process(candle(102, "1"))
    site.seconds += LAG
    assert site.cache.known_gaps(SYMBOL, MINUTE, start=start) == []

    site.cache.record_gaps(
        SYMBOL,
        MINUTE,
        site.cache.missing_candles(SYMBOL, MINUTE, start=start),
        start=minutes(100),
        end=minutes(102),
        confirmed_at=START,
    )

    assert [gap.candles for gap in site.cache.known_gaps(SYMBOL, MINUTE, start=start)] == [2]


def test_the_newest_indicators_are_those_just_written(site: Site) -> None:
    site.cache.write_indicators(SYMBOL, MINUTE, {minutes(1): {"a": 1.0, "b": float("nan")}})
    site.store.indicators = lambda *_, **__: pytest.fail("read again")  # type: ignore[method-assign]

    assert site.cache.indicators(SYMBOL, MINUTE, newest=1) == {minutes(1): {"a": 1.0}}
