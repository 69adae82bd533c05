"""What the stream has brought and the store doesn't hold yet: bounded, and conflated to what is worth keeping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.stream_event import BookTop
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.ports.series_store import SeriesStore

SOURCE = "stream"

log = structlog.get_logger()


@dataclass(frozen=True)
class ClosedCandle:
    """A candle that waits to be stored."""

    symbol: str
    interval: Interval
    candle: Candle
    received_at: datetime


@dataclass(frozen=True)
class Price:
    """A ticker that waits to be stored, but for the venue's time."""

    top: BookTop
    last: Decimal


class StreamBuffer:
    """The newest price of each symbol, and every closed candle, until they are stored.

    Beyond `most_candles` the oldest are dropped: REST fetches at the next tick whatever the store lacks. It is used by
    one thread; what it hands out may be written by another.
    """

    def __init__(self, most_candles: int) -> None:
        self._most_candles = most_candles
        self._tops: dict[str, BookTop] = {}
        self._lasts: dict[str, Decimal] = {}
        self._unwritten: set[str] = set()
        self._candles: dict[tuple[str, Interval, datetime], ClosedCandle] = {}
        self.dropped_candles = 0

    def put_top(self, top: BookTop) -> None:
        """Newest bid and ask."""
        self._tops[top.symbol] = top
        self._unwritten.add(top.symbol)
        if top.last is not None:
            self._lasts[top.symbol] = top.last

    def put_last(self, symbol: str, price: Decimal) -> None:
        """Newest price at which the symbol changed hands."""
        self._lasts[symbol] = price

    def forget_last(self, symbol: str) -> None:
        """Whatever changed hands since wasn't heard: a new bid and ask mustn't make the old price look young."""
        self._lasts.pop(symbol, None)

    def put_candle(self, closed: ClosedCandle) -> None:
        """A closed candle; a later word on the same one replaces the earlier."""
        self._candles[_key(closed)] = closed
        while len(self._candles) > self._most_candles:
            del self._candles[next(iter(self._candles))]
            self.dropped_candles += 1

    def candles(self) -> list[ClosedCandle]:
        """Those that wait."""
        return list(self._candles.values())

    def prices(self) -> list[Price]:
        """Those that wait and are whole."""
        return [Price(self._tops[symbol], self._lasts[symbol]) for symbol in self._unwritten if symbol in self._lasts]

    def candles_stored(self, stored: Sequence[ClosedCandle]) -> None:
        """They needn't wait any more, unless they have been replaced meanwhile."""
        for closed in stored:
            if self._candles.get(_key(closed)) is closed:
                del self._candles[_key(closed)]

    def prices_stored(self, stored: Sequence[Price]) -> None:
        """They needn't wait any more, unless there are newer ones."""
        for price in stored:
            if self._tops[price.top.symbol] is price.top:
                self._unwritten.discard(price.top.symbol)


def store_candles(store: SeriesStore, waiting: Sequence[ClosedCandle]) -> list[ClosedCandle]:
    """Store those that extend a series without a hole, or lie inside it; doing so twice changes nothing.

    The others wait. REST fetches at the next tick what lies between, from the newest stored candle on: one that was
    stored beyond a hole would hide it.

    Returns
    -------
    list of ClosedCandle
        Those that were stored.

    Raises
    ------
    RetryLater
        If the store can't be reached.
    """
    series: dict[tuple[str, Interval], list[ClosedCandle]] = {}
    for closed in sorted(waiting, key=lambda closed: closed.candle.open_time):
        series.setdefault((closed.symbol, closed.interval), []).append(closed)
    stored = []
    for (symbol, interval), batch in series.items():
        fitting = _without_holes(batch, store.newest_open_time(symbol, interval), interval)
        if fitting:
            received_at = max(closed.received_at for closed in fitting)
            candles = [closed.candle for closed in fitting]
            write = store.write_candles(symbol, interval, candles, source=SOURCE, received_at=received_at)
            if write.corrected:
                log.warning("candles_corrected", symbol=symbol, interval=str(interval), candles=write.corrected)
            stored += fitting
    return stored


def _without_holes(batch: Sequence[ClosedCandle], newest: datetime | None, interval: Interval) -> list[ClosedCandle]:
    fitting: list[ClosedCandle] = []
    for closed in batch:
        open_time = closed.candle.open_time
        if newest is None or open_time > interval.close_of(newest):
            break
        fitting.append(closed)
        newest = max(newest, open_time)
    return fitting


def store_prices(store: SeriesStore, clock: Clock, waiting: Sequence[Price]) -> None:
    """Store them. Raises RetryLater, also if the venue doesn't tell its time."""
    now = clock.read()
    store.write_tickers([_ticker(price.top, price.last, now) for price in waiting])


def _key(closed: ClosedCandle) -> tuple[str, Interval, datetime]:
    return closed.symbol, closed.interval, closed.candle.open_time


def _ticker(top: BookTop, last: Decimal, now: VenueTime) -> Ticker:
    """Book tops carry no time of the venue's: it is the clock's reading, less the time since they arrived."""
    age = timedelta(seconds=now.venue_seconds(max(0.0, (now.wall - top.received_at).total_seconds())))
    return Ticker(top.symbol, top.bid, top.ask, last, now.now - age, top.received_at, SOURCE)
