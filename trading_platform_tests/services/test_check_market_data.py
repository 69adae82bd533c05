"""Checks judge by the data's own time and content, and fail closed (I1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import EVERY, CheckName, CheckResult, Severity
from trading_platform.services.check_market_data import check_clock, check_market_data, check_series
from trading_platform.services.quality_desk import QualityDesk
from trading_platform.settings import Settings
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeMarketFeed, FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.plain_settings import plain_settings

ETH = "ETH/USDT"
CANDLE_RULES = {CheckName.FRESH, CheckName.NO_GAPS, CheckName.SANE, CheckName.TRADED, CheckName.STEADY}


def _store(*candles: Candle, symbol: str = SYMBOL) -> FakeSeriesStore:
    store = FakeSeriesStore()
    store.write_candles(symbol, MINUTE, candles, source="rest", received_at=START)
    return store


def _settings(window: int = 50) -> Settings:
    return plain_settings(market={"window_candles": window, "symbols": (SYMBOL, ETH)})


def _check(store: FakeSeriesStore, clock: FakeClock, window: int = 50) -> dict[CheckName, CheckResult]:
    return {result.name: result for result in check_series(store, clock, _settings(window), SYMBOL, MINUTE)}


def test_good_data_passes_every_check() -> None:
    results = _check(_store(*map(candle, range(60))), FakeClock(minutes(60)))

    assert set(results) == CANDLE_RULES
    assert all(result.passed for result in results.values())
    assert {result.data_time for result in results.values()} == {minutes(59)}


def test_no_data_keeps_entries_back() -> None:
    results = _check(FakeSeriesStore(), FakeClock(minutes(60)))

    assert {name for name, result in results.items() if result.keeps_entries_back} == CANDLE_RULES - {CheckName.STEADY}
    assert {result.data_time for result in results.values()} == {None}


@pytest.mark.parametrize("speed", [1.0, 60.0])
@pytest.mark.parametrize(("late_seconds", "fresh"), [(-10.0, True), (45.0, True), (45.1, False)])
def test_lateness_counts_wall_seconds_since_the_next_close_was_due(
    speed: float, late_seconds: float, fresh: bool
) -> None:
    due = minutes(61)  # the candle that opens at 60 is the next one
    clock = FakeClock(due + timedelta(seconds=late_seconds * speed), speed)

    assert _check(_store(*map(candle, range(60))), clock)[CheckName.FRESH].passed is fresh


def test_a_hole_inside_the_window_is_found_and_one_before_it_is_not() -> None:
    store = _store(*map(candle, [*range(20), *range(22, 60)]))
    clock = FakeClock(minutes(60))

    holed = _check(store, clock, window=50)[CheckName.NO_GAPS]

    assert not holed.passed
    assert "2 candles missing" in holed.reason
    assert _check(_store(*map(candle, [*range(8), *range(10, 60)])), clock)[CheckName.NO_GAPS].passed


@pytest.mark.parametrize("spoilt", ["high", "low", "volume"])
def test_impossible_candles_are_found(spoilt: str) -> None:
    good = candle(30)
    values = {name: getattr(good, name) for name in ("open", "high", "low", "close", "volume")}
    values |= {"high": {"high": good.low}, "low": {"low": good.high}, "volume": {"volume": -good.volume}}[spoilt]
    store = _store(*map(candle, range(60)))
    store.write_candles(SYMBOL, MINUTE, [Candle(minutes(30), **values)], source="rest", received_at=START)

    result = _check(store, FakeClock(minutes(60)))[CheckName.SANE]

    assert not result.passed
    assert "00:30" in result.reason


def test_candles_without_volume_at_the_end_keep_entries_back() -> None:
    store = _store(*map(candle, range(60)))
    still = [replace(candle(minute), volume=Decimal(0)) for minute in range(54, 60)]
    store.write_candles(SYMBOL, MINUTE, still, source="rest", received_at=START)

    result = _check(store, FakeClock(minutes(60)))[CheckName.TRADED]

    assert result.keeps_entries_back
    assert f"{SYMBOL} 1m: nothing traded in the newest 6 candles, since 2025-03-01 00:54 UTC" in result.reason


def test_a_crash_is_told_and_keeps_nothing_back() -> None:
    store = _store(*map(candle, range(59)), candle(59, "60000"))

    result = _check(store, FakeClock(minutes(60)))[CheckName.STEADY]

    assert (result.passed, result.severity, result.keeps_entries_back) == (False, Severity.WARNING, False)


@pytest.mark.parametrize(
    ("ahead", "window_ms", "severity"),
    [
        (0.0, 5000, None),
        (None, 5000, None),
        (1.5, 5000, Severity.WARNING),
        (-1.5, 5000, Severity.WARNING),
        (-3.0, 5000, Severity.ERROR),
        (1.5, 2000, Severity.ERROR),
    ],
)
def test_the_clock_may_be_off_by_half_the_receive_window_at_most(
    ahead: float | None, window_ms: int, severity: Severity | None
) -> None:
    clock = FakeClock(minutes(60))
    feed = FakeMarketFeed(clock)
    feed.venue_ahead_seconds = ahead

    result = check_clock(feed, clock, plain_settings(venue={"recv_window_ms": window_ms}))

    assert result.passed is (severity is None)
    assert severity in (None, result.severity)
    assert (result.symbol, result.interval) == (EVERY, EVERY)


def test_a_clock_that_cannot_be_read_keeps_entries_back() -> None:
    clock = FakeClock(minutes(60))
    feed = FakeMarketFeed(clock)
    feed.is_silent = True

    assert check_clock(feed, clock, plain_settings()).keeps_entries_back


def test_everything_is_checked_and_recorded() -> None:
    journal, clock = FakeHealthJournal(), FakeClock(minutes(60))
    desk = QualityDesk(_store(*map(candle, range(60))), journal, FakeMarketFeed(clock), clock, _settings())

    results = check_market_data(desk, [MINUTE])

    assert {result.name for result in results} == set(CheckName)
    for symbol, passed in ((SYMBOL, True), (ETH, False)):
        recorded = journal.latest_checks(symbol, "1m")
        assert set(recorded) == {*CANDLE_RULES, CheckName.AGREED}
        assert recorded[CheckName.NO_GAPS].passed is passed
        assert set(journal.latest_checks(symbol, EVERY)) == {
            CheckName.ONCE,
            CheckName.IN_ORDER,
            CheckName.WELL_FORMED,
        }
    assert set(journal.latest_checks(EVERY, EVERY)) == {CheckName.CLOCK}
