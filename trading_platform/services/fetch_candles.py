"""Ask the venue for all candles of a range, page by page, and keep what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.candle import Candle, Gap, Interval, missing_within
from trading_platform.ports.clock import Clock
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import CandleWrite, SeriesStore

PAGE_CANDLES = 1000


@dataclass(frozen=True)
class FetchedRange:
    """What the venue has of start <= open_time < end.

    Parameters
    ----------
    answered_from
        `start`, or later where the venue doesn't serve what is as old: of the time before it nothing is known.
    answered_until
        How far the answers reach: `end` when a candle from there on was among them. Candles that are missing before it
        are the venue's own gap; beyond it nothing is known.
    pages
        Requests made.
    """

    candles: list[Candle]
    answered_from: datetime
    answered_until: datetime
    pages: int

    def gaps(self, interval: Interval) -> list[Gap]:
        """What the venue doesn't have, ascending."""
        times = [candle.open_time for candle in self.candles]
        return missing_within(times, interval, self.answered_from, self.answered_until)


def fetch_range(
    feed: MarketFeed,
    symbol: str,
    interval: Interval,
    start: datetime,
    end: datetime,
    max_pages: int,
    *,
    now: datetime,
) -> FetchedRange:
    """Candles with start <= open_time < end, both on the grid, in at most `max_pages` requests.

    An answer without any candle proves nothing: a venue that knows later ones has no reason to give none. Nor does one
    about a time that the venue serves no more: what lies before isn't asked for.

    Parameters
    ----------
    now
        By the venue's clock.

    Raises
    ------
    RetryLater
        If the venue doesn't answer.
    """
    candles: list[Candle] = []
    begin = max(start, _served_from(feed, interval, now) or start)
    since, pages = begin, 0
    while since < end and pages < max_pages:
        # one more than the range has: a candle beyond it tells that the venue has told all
        limit = min(PAGE_CANDLES, (end - since) // interval.length + 1)
        page = feed.candles(symbol, interval, since, limit)
        pages += 1
        if not page:
            break
        candles += [candle for candle in page if candle.open_time < end]
        since = min(page[-1].open_time + interval.length, end)
    return FetchedRange(candles, begin, since, pages)


def keep_range(
    store: SeriesStore, clock: Clock, symbol: str, interval: Interval, fetched: FetchedRange
) -> tuple[CandleWrite, list[Gap]]:
    """Store what was fetched, and what the venue doesn't have of the time that it answered for."""
    write = CandleWrite()
    if fetched.candles:
        write = store.write_candles(symbol, interval, fetched.candles, source="rest", received_at=clock.wall())
    gaps = fetched.gaps(interval)
    if fetched.answered_until > fetched.answered_from:
        known = {"start": fetched.answered_from, "end": fetched.answered_until}
        store.record_gaps(symbol, interval, gaps, **known, confirmed_at=clock.wall())
    return write, gaps


def _served_from(feed: MarketFeed, interval: Interval, now: datetime) -> datetime | None:
    """Open time of the oldest candle that is certainly served; one is spared, for the next may begin meanwhile."""
    if feed.served_candles is None:
        return None
    return interval.floor(now) - (feed.served_candles - 2) * interval.length
