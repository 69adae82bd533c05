"""Judging the venue's clock between the refreshes: what is noticed at the next one only is noticed too late."""

from __future__ import annotations

from trading_platform.domain.check import CheckResult
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.services.check_market_data import check_clock
from trading_platform.settings import Settings


def watch_clock(feed: MarketFeed, journal: HealthJournal, clock: Clock, settings: Settings) -> CheckResult:
    """Judge it and record the result, as a refresh does; so the trade gate, the status and incidents know it."""
    result = check_clock(feed, clock, settings)
    journal.record_checks([result])
    return result
