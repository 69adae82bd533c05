"""A clock that drifts between two refreshes is on record before the next one."""

from __future__ import annotations

from trading_platform.domain.check import EVERY, CheckName
from trading_platform.services.watch_clock import watch_clock
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeMarketFeed
from trading_platform_tests.support.examples import START
from trading_platform_tests.support.plain_settings import plain_settings


def test_the_verdict_is_recorded_for_the_gate_and_the_owner() -> None:
    clock, journal, settings = FakeClock(START), FakeHealthJournal(), plain_settings()
    feed = FakeMarketFeed(clock)
    assert watch_clock(feed, journal, clock, settings).passed

    feed.venue_ahead_seconds = 3.0
    result = watch_clock(feed, journal, clock, settings)

    assert (result.passed, result.keeps_entries_back) == (False, True)
    assert journal.latest_checks(EVERY, EVERY)[CheckName.CLOCK] == result
