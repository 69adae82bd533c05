"""Ask the venue for all candles of a range, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.candle import Candle, Gap, Interval, missing_within
from trading_platform.ports.market_feed import MarketFeed

PAGE_CANDLES = 1000


@dataclass(frozen=True)
class FetchedRange:
    """What the venue has of start <= open_time < end.

    Parameters
    ----------
    answered_until
        How far the answers reach: `end` when a candle from there on was among them. Candles that are missing before it
        are the venue's own gap; beyond it nothing is known.
    pages
        Requests made.
    """

    candles: list[Candle]
    start: datetime
    answered_until: datetime
    pages: int

    def gaps(self, interval: Interval) -> list[Gap]:
        """What the venue doesn't have, ascending."""
        times = [candle.open_time for candle in self.candles]
        return missing_within(times, interval, self.start, self.answered_until)


def fetch_range(
    feed: MarketFeed, symbol: str, interval: Interval, start: datetime, end: datetime, max_pages: int
) -> FetchedRange:
    """Candles with start <= open_time < end, both on the grid, in at most `max_pages` requests.

    An answer without any candle proves nothing: a venue that knows later ones has no reason to give none.

    Raises
    ------
    RetryLater
        If the venue doesn't answer.
    """
    candles: list[Candle] = []
    since, pages = start, 0
    while since < end and pages < max_pages:
        # one more than the range has: a candle beyond it tells that the venue has told all
        limit = min(PAGE_CANDLES, (end - since) // interval.length + 1)
        page = feed.candles(symbol, interval, since, limit)
        pages += 1
        if not page:
            break
        candles += [candle for candle in page if candle.open_time < end]
        since = min(page[-1].open_time + interval.length, end)
    return FetchedRange(candles, start, since, pages)
