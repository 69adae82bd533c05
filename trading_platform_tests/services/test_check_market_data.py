"""Checks judge by the data's own time and content, and fail closed (I1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import CheckName, CheckResult
from trading_platform.services.check_market_data import check_market_data, check_series
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes

LIMIT = 45.0
ETH = "ETH/USDT"


def _store(*candles: Candle, symbol: str = SYMBOL) -> FakeSeriesStore:
    store = FakeSeriesStore()
    store.write_candles(symbol, MINUTE, candles, source="rest", received_at=START)
    return store


def _check(store: FakeSeriesStore, clock: FakeClock, window: int = 50) -> dict[CheckName, CheckResult]:
    return {result.name: result for result in check_series(store, clock, SYMBOL, MINUTE, LIMIT, window)}


def test_good_data_passes_every_check() -> None:
    results = _check(_store(*map(candle, range(60))), FakeClock(minutes(60)))

    assert set(results) == set(CheckName)
    assert all(result.passed for result in results.values())
    assert {result.data_time for result in results.values()} == {minutes(59)}


def test_no_data_fails_every_check() -> None:
    results = _check(FakeSeriesStore(), FakeClock(minutes(60)))

    assert not any(result.passed for result in results.values())
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
    assert _check(store, clock, window=38)[CheckName.NO_GAPS].passed


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


def test_every_series_is_checked_and_recorded() -> None:
    journal, clock = FakeHealthJournal(), FakeClock(minutes(60))
    store = _store(*map(candle, range(60)))

    results = check_market_data(store, journal, clock, [SYMBOL, ETH], [MINUTE], LIMIT, 50)

    assert len(results) == 2 * len(CheckName)
    for symbol, passed in ((SYMBOL, True), (ETH, False)):
        recorded = journal.latest_checks(symbol, "1m")
        assert {name: result.passed for name, result in recorded.items()} == dict.fromkeys(CheckName, passed)
