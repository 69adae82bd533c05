"""A venue with candles from the start on, and a store beside it, for tests of what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform_tests.fakes import FakeClock, FakeMarketFeed, FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, SYMBOL, candle, minutes


class HoledMarket:
    """Both know one-minute candles; a test takes some away from either.

    Parameters
    ----------
    closed
        Minutes that have closed.
    published
        Minutes whose candles the venue has, of those that have closed or will.
    """

    def __init__(self, closed: int, published: Iterable[int] | None = None, symbol: str = SYMBOL) -> None:
        self.symbol = symbol
        self.clock = FakeClock(minutes(closed) + timedelta(seconds=20))
        self.feed = FakeMarketFeed(self.clock)
        self.store = FakeSeriesStore()
        self.publish(range(closed + 10) if published is None else published)

    def publish(self, numbers: Iterable[int]) -> None:
        """Let the venue have these candles, too."""
        self.feed.add_candles(self.symbol, MINUTE, [walking(number) for number in numbers])

    def hold(self, numbers: Iterable[int], source: str = "stream") -> None:
        """Let the store have these."""
        candles = [walking(number) for number in numbers]
        self.store.write_candles(self.symbol, MINUTE, candles, source=source, received_at=minutes(0))

    def stored(self, interval: Interval = MINUTE) -> list[Candle]:
        """What the store has."""
        return self.store.candles(self.symbol, interval)

    def known_gaps(self, interval: Interval = MINUTE) -> list[Gap]:
        """What is recorded as the venue's own."""
        return self.store.known_gaps(self.symbol, interval)

    def requests(self) -> int:
        """How often the venue was asked."""
        return len(self.feed.candle_requests)


def walking(number: int) -> Candle:
    """A candle whose prices tell which one it is."""
    return candle(number, f"{50_000 + number}.25")


def gap(first: int, last: int) -> Gap:
    """Minutes that are missing, both included."""
    return Gap(minutes(first), minutes(last), last - first + 1)
