"""Fetch one day of the past from the venue: what is missing is filled, what differs is corrected and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog

from trading_platform.domain.candle import Gap, Interval
from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater
from trading_platform.ports.clock import Clock
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import CandleWrite, SeriesStore
from trading_platform.services.compare_history import Agreement, compare_with_venue
from trading_platform.services.fetch_candles import fetch_range, keep_range

MAX_PAGES_PER_DAY = 50
"""Also enough for venues that give a hundred candles at a time."""

log = structlog.get_logger()


@dataclass(frozen=True)
class FilledSeries:
    """What a backfill did to one series.

    Parameters
    ----------
    closed
        Candles of the day that have closed by now.
    fetched
        Candles that the venue has of them.
    gaps
        What it doesn't have: its own gaps.
    agreement
        The stored candles against the venue's, before the correction.
    """

    symbol: str
    interval: str
    closed: int
    fetched: int
    write: CandleWrite
    gaps: Sequence[Gap]
    agreement: Agreement


def backfill_day(
    feed: MarketFeed, store: SeriesStore, clock: Clock, symbols: Sequence[str], interval: Interval, day: date
) -> list[FilledSeries]:
    """Fetch all closed candles of a day (UTC) of every symbol.

    One symbol's trouble doesn't keep the others from being filled.

    Raises
    ------
    RetryLater
        If a symbol couldn't be filled, or the day hasn't begun by the venue's clock.
    FixSettings
        If the venue doesn't trade a symbol, or serves nothing as old, and that is all.
    """
    start = datetime.combine(day, time(0), UTC)
    end = min(start + timedelta(days=1), interval.floor(clock.read().now))
    if end <= start:
        raise RetryLater(f"{day} has no closed {interval} candle yet by the venue's clock")
    filled: list[FilledSeries] = []
    failures: list[PlatformError] = []
    for symbol in symbols:
        try:
            filled.append(_fill(feed, store, clock, symbol, interval, start, end))
        except (RetryLater, FixSettings) as trouble:
            log.warning("day_not_filled", symbol=symbol, interval=interval.name, day=str(day), why=str(trouble))
            failures.append(trouble)
    if failures:
        kind = RetryLater if any(isinstance(failure, RetryLater) for failure in failures) else FixSettings
        raise kind(f"{len(failures)} of {len(symbols)} symbols couldn't be filled: {failures[0]}")
    return filled


def _fill(
    feed: MarketFeed,
    store: SeriesStore,
    clock: Clock,
    symbol: str,
    interval: Interval,
    start: datetime,
    end: datetime,
) -> FilledSeries:
    fetched = fetch_range(feed, symbol, interval, start, end, MAX_PAGES_PER_DAY, now=clock.read().now)
    if fetched.answered_from >= end:
        raise FixSettings(
            f"{symbol}: the venue serves its newest {feed.served_candles} {interval} candles only, and they begin "
            "after that day; fill it from an archive: trading-platform import"
        )
    agreement = compare_with_venue(
        store, symbol, interval, fetched.candles, fetched.answered_from, fetched.answered_until
    )
    write, gaps = keep_range(store, clock, symbol, interval, fetched)
    closed = (end - start) // interval.length
    return FilledSeries(symbol, interval.name, closed, len(fetched.candles), write, gaps, agreement)
