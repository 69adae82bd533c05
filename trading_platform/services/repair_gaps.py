"""Fill the holes of the stored candles from the venue; what it doesn't have either is its own gap, never invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from trading_platform.domain.candle import Gap, Interval, subtract_gaps
from trading_platform.ports.clock import Clock
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.fetch_candles import PAGE_CANDLES, fetch_range, keep_range

ASK_AGAIN_AFTER = timedelta(minutes=15)
"""A gap of the venue's own is asked for again after so long, in case it delivers late."""

MAX_PAGES_PER_REPAIR = 20

log = structlog.get_logger()


@dataclass(frozen=True)
class Repair:
    """What a repair did to one series.

    Parameters
    ----------
    repaired
        Candles that were missing and are there now.
    venue_gaps
        Candles that the venue has said it doesn't have either.
    touched
        Ranges (start, end) that were asked for and changed something.
    """

    repaired: int = 0
    venue_gaps: int = 0
    touched: tuple[tuple[datetime, datetime], ...] = ()


def repair_gaps(
    feed: MarketFeed, store: SeriesStore, clock: Clock, symbol: str, interval: Interval, since: datetime
) -> Repair:
    """Ask for what is missing between stored candles from `since` on, the newest hole first.

    A hole of any length is filled, over several calls if it takes more than `MAX_PAGES_PER_REPAIR` requests.

    Raises
    ------
    RetryLater
        If the venue or the store doesn't answer.
    """
    pages, done = MAX_PAGES_PER_REPAIR, Repair()
    for start, end in _ranges(_unexplained(store, clock, symbol, interval, interval.floor(since)), interval):
        if pages == 0:
            break
        fetched = fetch_range(feed, symbol, interval, start, end, pages, now=clock.read().now)
        if fetched.pages == 0:
            continue  # so old that the venue serves it no more: it stays a hole, for an archive to fill
        pages -= fetched.pages
        write, gaps = keep_range(store, clock, symbol, interval, fetched)
        missing = sum(gap.candles for gap in gaps)
        log.info(
            "gap_repaired",
            symbol=symbol,
            interval=interval.name,
            start=start.isoformat(),
            end=end.isoformat(),
            repaired=write.inserted,
            missing_at_the_venue=missing,
        )
        done = Repair(done.repaired + write.inserted, done.venue_gaps + missing, (*done.touched, (start, end)))
    return done


def _unexplained(store: SeriesStore, clock: Clock, symbol: str, interval: Interval, since: datetime) -> list[Gap]:
    """Holes since then that the venue hasn't lately been asked for, ascending."""
    holes = store.missing_candles(symbol, interval, start=since)
    if not holes:
        return []
    before = Gap.between(min(since, holes[0].first_missing), since, interval)
    inside = subtract_gaps(holes, [before] if before.candles else [], interval)
    asked_after = clock.wall() - ASK_AGAIN_AFTER
    known = store.known_gaps(symbol, interval, start=since)
    fresh = [gap for gap in known if gap.confirmed_at is not None and gap.confirmed_at > asked_after]
    return subtract_gaps(inside, fresh, interval)


def _ranges(gaps: Sequence[Gap], interval: Interval) -> list[tuple[datetime, datetime]]:
    """Ranges to ask for, the newest first: holes that one request covers are asked for together."""
    ranges: list[tuple[datetime, datetime]] = []
    for gap in gaps:
        start, end = gap.first_missing, interval.close_of(gap.last_missing)
        if ranges and end - ranges[-1][0] < PAGE_CANDLES * interval.length:
            start = ranges.pop()[0]
        ranges.append((start, end))
    return ranges[::-1]
