"""What came by stream is held against REST, seldom, and REST has the last word."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import CheckResult, Severity
from trading_platform.domain.errors import RetryLater
from trading_platform.services.compare_sources import checked_sources, compare_sources
from trading_platform.services.quality_desk import QualityDesk
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeMarketFeed, FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.plain_settings import plain_settings

ETH = "ETH/USDT"
EVERY_SECONDS = 300.0


class Bureau:
    """Two series of an hour, the newest 20 candles of the first by stream; REST knows the same."""

    def __init__(self) -> None:
        self.clock = FakeClock(minutes(60.5))
        self.feed = FakeMarketFeed(self.clock)
        self.store = FakeSeriesStore()
        for symbol in (SYMBOL, ETH):
            self.feed.add_candles(symbol, MINUTE, [candle(minute) for minute in range(200)])
            self.write(symbol, "rest", *map(candle, range(60)))
        self.desk = self.new_process()

    def new_process(self) -> QualityDesk:
        settings = plain_settings(
            market={"symbols": (SYMBOL, ETH)}, quality={"compare_seconds": EVERY_SECONDS, "compare_candles": 10}
        )
        return QualityDesk(self.store, FakeHealthJournal(), self.feed, self.clock, settings)

    def write(self, symbol: str, source: str, *candles: Candle) -> None:
        self.store.write_candles(symbol, MINUTE, candles, source=source, received_at=START)

    def stream(self, *numbers: int, symbol: str = SYMBOL, close: str = "84705.65") -> None:
        """Candles as the stream told them, not quite as they are."""
        self.write(symbol, "stream", *(replace(candle(number), close=Decimal(close)) for number in numbers))

    def compare(self) -> int:
        return compare_sources(self.desk, [MINUTE])

    def verdicts(self) -> dict[str, CheckResult]:
        return {result.symbol: result for result in checked_sources(self.desk, [MINUTE])}


@pytest.fixture
def bureau() -> Bureau:
    return Bureau()


def test_rest_alone_costs_no_request_and_is_no_trouble(bureau: Bureau) -> None:
    assert [bureau.compare() for _ in range(4)] == [0, 0, 0, 0]
    assert bureau.feed.candle_requests == []
    assert all(verdict.passed for verdict in bureau.verdicts().values())


def test_a_difference_is_shown_with_both_values_and_mended(bureau: Bureau) -> None:
    bureau.stream(55)

    assert bureau.compare() == 1

    verdict = bureau.verdicts()[SYMBOL]
    assert (verdict.passed, verdict.severity) == (False, Severity.WARNING)
    assert "2025-03-01 00:55 UTC close: stream 84705.65, REST 84705.64" in verdict.reason
    assert bureau.store.candles(SYMBOL, MINUTE)[55] == candle(55)
    sources = bureau.store.sources(SYMBOL, MINUTE, start=minutes(54), end=minutes(57))
    assert list(sources.values()) == ["rest", "rest", "rest"]


def test_one_request_asks_for_no_more_than_it_needs(bureau: Bureau) -> None:
    bureau.stream(55, 57)
    bureau.compare()

    assert bureau.feed.candle_requests == [(SYMBOL, "1m", minutes(55), 3)]


def test_a_series_is_compared_once_in_a_while_whoever_ticks(bureau: Bureau) -> None:
    bureau.stream(55)
    for _ in range(40):  # refreshes of 15 s each: ten minutes
        bureau.stream(55)
        bureau.compare()
        bureau.clock.advance(15)

    assert [request[0] for request in bureau.feed.candle_requests] == [SYMBOL, SYMBOL]


def test_the_series_take_turns(bureau: Bureau) -> None:
    bureau.stream(55)
    bureau.stream(56, symbol=ETH)

    assert [bureau.compare() for _ in range(4)] == [1, 1, 0, 0]
    assert not any(verdict.passed for verdict in bureau.verdicts().values())


def test_the_verdict_stands_until_the_next_comparison(bureau: Bureau) -> None:
    bureau.stream(55)
    bureau.compare()
    bureau.clock.advance(EVERY_SECONDS - 1)
    bureau.compare()
    assert not bureau.verdicts()[SYMBOL].passed

    bureau.clock.advance(1)
    bureau.compare()

    assert bureau.verdicts()[SYMBOL].passed


def test_streamed_candles_that_are_right_stay_as_they_are(bureau: Bureau) -> None:
    bureau.clock.advance(60)
    bureau.write(SYMBOL, "stream", candle(60))

    assert bureau.compare() == 1
    assert "1 streamed candles are the same by REST" in bureau.verdicts()[SYMBOL].reason
    assert bureau.store.sources(SYMBOL, MINUTE, start=minutes(60), end=minutes(61)) == {minutes(60): "stream"}


def test_a_candle_that_has_only_just_closed_is_not_held_against_rest(bureau: Bureau) -> None:
    bureau.clock = FakeClock(minutes(60) + 5 * (minutes(1) - minutes(0)) / 60)
    bureau.desk = bureau.new_process()
    bureau.stream(59)

    assert bureau.compare() == 0


def test_a_candle_that_rest_lacks_is_told_and_kept(bureau: Bureau) -> None:
    bureau.clock.advance(60)
    extra = candle(60)
    bureau.feed = FakeMarketFeed(bureau.clock)
    bureau.desk = bureau.new_process()
    bureau.write(SYMBOL, "stream", extra)
    bureau.compare()

    assert "REST nothing" in bureau.verdicts()[SYMBOL].reason
    assert bureau.store.candles(SYMBOL, MINUTE)[-1] == extra


def test_a_silent_venue_is_asked_again_at_the_next_tick(bureau: Bureau) -> None:
    bureau.stream(55)
    bureau.feed.is_silent = True
    with pytest.raises(RetryLater):
        bureau.compare()
    assert bureau.verdicts()[SYMBOL].passed

    bureau.feed.is_silent = False

    assert bureau.compare() + bureau.compare() == 1  # in its turn: what never answers must not keep the others waiting


def test_a_series_that_cannot_be_compared_does_not_keep_the_others_waiting(bureau: Bureau) -> None:
    bureau.stream(55)
    bureau.stream(55, symbol=ETH)
    bureau.feed.delisted_symbols.add(SYMBOL)

    for _ in range(2):
        bureau.compare()

    assert not bureau.verdicts()[ETH].passed
