"""A remote series store that never loses a point: what is to be written waits in a spool until the store has it.

Every write is accepted by the spool first and sent from there, in order, by one process at a time; so one path serves
while the store answers, while it doesn't, and after a crash at any point. While writes wait, they are laid over what
the store answers; while it is silent, over what this process remembers. What isn't known is never made up: RetryLater.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import pandas as pd

from trading_platform.adapters.recollection import Recollection
from trading_platform.adapters.spool_overlay import (
    CandleReplay,
    clusters,
    frame_of,
    lay_candles,
    lay_days,
    lay_gaps,
    lay_holes,
    lay_indicators,
    lay_metrics,
    newer_ticker,
    newest_run,
    touched,
)
from trading_platform.adapters.spool_sender import SpoolSender
from trading_platform.adapters.store_guard import StoreGuard
from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import (
    CandleBatch,
    GapRecord,
    IndicatorRows,
    MetricBatch,
    StoreWrite,
    TickerBatch,
)
from trading_platform.ports.clock import WallClock
from trading_platform.ports.series_store import CandleRange, CandleWrite, RangeVersion, SeriesStore, SeriesVersion
from trading_platform.ports.store_spool import SpoolState, StoreSpool

T = TypeVar("T")
_Series = tuple[str, Interval]
_SOURCES = ("rest", "stream", "archive", "aggregated")
_FOR_EVER = datetime.max.replace(tzinfo=UTC)
_LATER = timedelta(microseconds=1)
_CATCH_UP_SECONDS = 5.0


class SpoolingSeriesStore:
    """Fills the role `SeriesStore` over another one, and `ChangeFeed` for a cache before it.

    Parameters
    ----------
    store
        The remote one; its writes change nothing when they are made again.
    """

    def __init__(
        self,
        store: SeriesStore,
        spool: StoreSpool,
        guard: StoreGuard,
        *,
        wall: Callable[[], datetime] | None = None,
    ) -> None:
        self._store, self._spool, self._guard = store, spool, guard
        self._sender = SpoolSender(store, spool, guard, wall or WallClock().wall)
        self._newest: Recollection[_Series, datetime | None] = Recollection()
        self._counts: Recollection[_Series, tuple[int, datetime | None]] = Recollection()
        self._gaps: Recollection[_Series, list[Gap]] = Recollection()
        self._indicators: Recollection[_Series, tuple[int, dict[datetime, dict[str, float]]]] = Recollection()
        self._tickers: dict[str, Ticker] = {}
        self._tickers_seen = 0

    @property
    def guard(self) -> StoreGuard:
        """Whether the store is asked."""
        return self._guard

    def catch_up(self, seconds: float) -> bool:
        """Send what waits, for so long at most; whether nothing is left."""
        return self._sender.catch_up(seconds)

    def write_candles(
        self, symbol: str, interval: Interval, candles: Sequence[Candle], *, source: str, received_at: datetime
    ) -> CandleWrite:
        """Accept them; what they change is told if it is known already."""
        if source not in _SOURCES:
            raise ValueError(f"source {source!r} is none of {', '.join(_SOURCES)}")
        if not candles:
            return CandleWrite()
        batch = CandleBatch(symbol, interval, tuple(candles), source, received_at)
        number, result = self._sender.write(batch)
        return result or self._foretell(batch, number)

    def write_batches(self, batches: Sequence[CandleBatch]) -> list[CandleWrite]:
        """Accept each of them."""
        return [
            self.write_candles(b.symbol, b.interval, b.candles, source=b.source, received_at=b.received_at)
            for b in batches
        ]

    def record_gaps(
        self,
        symbol: str,
        interval: Interval,
        gaps: Sequence[Gap],
        *,
        start: datetime,
        end: datetime,
        confirmed_at: datetime,
    ) -> None:
        """Accept what the venue lacks of that range."""
        self._sender.write(GapRecord(symbol, interval, tuple(gaps), start, end, confirmed_at))

    def write_tickers(self, tickers: Sequence[Ticker]) -> None:
        """Accept prices."""
        if tickers:
            self._sender.write(TickerBatch(tuple(tickers)))

    def write_indicators(self, symbol: str, interval: Interval, rows: Mapping[datetime, Mapping[str, float]]) -> None:
        """Accept indicator values; what isn't finite is left out."""
        finite = {
            open_time: {name: float(value) for name, value in values.items() if math.isfinite(value)}
            for open_time, values in rows.items()
        }
        if finite:
            self._sender.write(IndicatorRows(symbol, interval, finite))

    def save_metrics(self, points: Sequence[MetricPoint]) -> None:
        """Accept measurements."""
        if points:
            self._sender.write(MetricBatch(tuple(points)))

    def metrics(self, name: MetricName, *, since: datetime) -> list[MetricPoint]:
        """Points with since <= at, ascending; nothing of them is remembered here."""
        before = self._spool.state()
        stored = self._ask(lambda: self._store.metrics(name, since=since))
        return lay_metrics(stored, [w for w in self._waiting(before, None) if isinstance(w, MetricBatch)], name, since)

    def prune_metrics(self, before: datetime) -> int:
        """Drop old points in the store, as below."""
        return self._prune(lambda: self._store.prune_metrics(before))

    def prune_indicators(self, before: datetime) -> int:
        """Drop old values in the store, which must answer for it: it can be put off, and is never spooled.

        What waits and is as old goes to the store first if it can, and is dropped the next time if it can't.
        """
        return self._prune(lambda: self._store.prune_indicators(before))

    def forget_tickers(self, beyond: datetime) -> None:
        """Drop prices in the store, as above, and what is remembered of them."""
        self._prune(lambda: self._store.forget_tickers(beyond))
        self._tickers = {symbol: known for symbol, known in self._tickers.items() if known.venue_time <= beyond}

    def _prune(self, drop: Callable[[], T]) -> T:
        self.catch_up(_CATCH_UP_SECONDS)
        return self._ask(drop)

    def _foretell(self, batch: CandleBatch, number: int) -> CandleWrite:
        """What a batch that waits will change, by what the store has and what waits before it."""
        series = batch.symbol, batch.interval
        before = self._spool.state()
        try:
            stored = self._stored(series, touched([batch]))
        except RetryLater:
            return CandleWrite(spooled=len(batch.newest_of_each()))
        replay = CandleReplay(stored)
        for spooled in self._spool.since(before.confirmed, series=series, kind=CandleBatch):
            if spooled.number < number and isinstance(spooled.write, CandleBatch):
                replay.write(spooled.write)
        return replay.write(batch)

    def candles(
        self,
        symbol: str,
        interval: Interval,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        newest: int | None = None,
    ) -> list[Candle]:
        """Exact candles, ascending."""
        series = symbol, interval
        try:
            stored, batches = self._both(
                series, lambda: self._store.candles(symbol, interval, start=start, end=end, newest=newest)
            )
        except RetryLater:
            if newest is None or start is not None:
                raise
            return self._waiting_run(series, end, newest)
        return lay_candles(stored, batches, start, end, newest) if batches else stored

    def candle_frame(
        self, symbol: str, interval: Interval, *, end: datetime | None = None, newest: int | None = None
    ) -> pd.DataFrame:
        """Candles as float64, indexed by open time."""
        if self._spool.state().rows:
            return frame_of(self.candles(symbol, interval, end=end, newest=newest))
        return self._ask(lambda: self._store.candle_frame(symbol, interval, end=end, newest=newest))

    def open_times(self, symbol: str, interval: Interval, *, newest: int) -> list[datetime]:
        """Open times of the newest so many candles, ascending."""
        series = symbol, interval
        try:
            stored, batches = self._both(series, lambda: self._store.open_times(symbol, interval, newest=newest))
        except RetryLater:
            return [candle.open_time for candle in self._waiting_run(series, None, newest)]
        times = sorted({*stored, *touched(batches)})
        return times[max(len(times) - newest, 0) :]

    def newest_open_time(self, symbol: str, interval: Interval) -> datetime | None:
        """Open time of the newest candle."""
        series = symbol, interval
        stored, writes = self._remembered(series, self._newest, lambda: self._store.newest_open_time(symbol, interval))
        return max([*([stored] if stored else []), *touched(_batches(writes))], default=None)

    def count_candles(self, symbol: str, interval: Interval) -> int:
        """Number of candles."""
        series = symbol, interval

        def ask() -> tuple[int, datetime | None]:
            return self._store.count_candles(symbol, interval), self._store.newest_open_time(symbol, interval)

        (count, newest), writes = self._remembered(series, self._counts, ask)
        new = touched(_batches(writes))
        unclear = [time for time in new if newest is not None and time < newest]
        stored = {candle.open_time for candle in self._stored(series, unclear)} if unclear else set()
        return count + len({*new} - stored - {newest})

    def versions(self, ranges: Sequence[CandleRange]) -> list[SeriesVersion]:
        """The state of each range, as the store will tell it when it has what waits."""
        before = self._spool.state()
        versions = self._ask(lambda: self._store.versions(ranges))
        waiting = self._waiting(before, None)
        return [self._later(wanted, version, waiting) for wanted, version in zip(ranges, versions, strict=True)]

    def _later(self, wanted: CandleRange, now: SeriesVersion, waiting: Sequence[StoreWrite]) -> SeriesVersion:
        series = wanted.symbol, wanted.interval
        batches = [batch for batch in _batches(waiting) if (batch.symbol, batch.interval) == series]
        times = [time for time in touched(batches) if time >= wanted.first]
        if not times:
            return now
        replay = CandleReplay(self._stored(series, touched(batches)))
        for batch in batches:
            replay.write(batch)
        inside, onwards = replay.changes(wanted.first, wanted.last), replay.changes(wanted.first, _FOR_EVER)
        return SeriesVersion(_sum(now.inside, inside), _sum(now.onwards, onwards))

    def candles_per_day(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> dict[date, int]:
        """Number of candles per day (UTC)."""
        per_day, batches = self._both(
            (symbol, interval), lambda: self._store.candles_per_day(symbol, interval, start=start, end=end)
        )
        times = [t for t in touched(batches) if (start is None or t >= start) and (end is None or t < end)]
        known = {candle.open_time for candle in self._stored((symbol, interval), times)}
        return lay_days(per_day, (time for time in times if time not in known))

    def sources(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> dict[datetime, str]:
        """Where each candle came from, ascending."""
        stored, batches = self._both(
            (symbol, interval), lambda: self._store.sources(symbol, interval, start=start, end=end)
        )
        if not batches:
            return stored
        replay = CandleReplay(self._ask(lambda: self._store.candles(symbol, interval, start=start, end=end)))
        for batch in batches:
            replay.write(batch)
        sources = {**stored, **{time: source for time, source in replay.sources.items() if start <= time < end}}
        return dict(sorted(sources.items()))

    def missing_candles(self, symbol: str, interval: Interval, *, start: datetime) -> list[Gap]:
        """Holes between candles that reach beyond `start`."""
        holes, batches = self._both(
            (symbol, interval), lambda: self._store.missing_candles(symbol, interval, start=start)
        )
        new = touched(batches)
        if not new:
            return holes
        newest = self._ask(lambda: self._store.newest_open_time(symbol, interval))
        return lay_holes(holes, new, self._oldest(symbol, interval, new[0]), newest, interval, start)

    def _oldest(self, symbol: str, interval: Interval, first: datetime) -> datetime | None:
        """Open time of a stored candle before `first`, otherwise of the oldest one."""
        before = self._ask(lambda: self._store.candles(symbol, interval, end=first, newest=1))
        if before:
            return before[0].open_time
        days = self._ask(lambda: self._store.candles_per_day(symbol, interval, start=first))
        for day in sorted(days):
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            inside = self._between((symbol, interval), midnight, midnight + timedelta(days=1))
            return inside[0].open_time if inside else None
        return None

    def known_gaps(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> list[Gap]:
        """Recorded gaps of the venue's own that touch the range."""
        series = symbol, interval
        known, writes = self._remembered(series, self._gaps, lambda: self._store.known_gaps(symbol, interval))
        changes = [write for write in writes if isinstance(write, CandleBatch | GapRecord)]
        missing = sorted({t for w in changes if isinstance(w, GapRecord) for g in w.gaps for t in _times(g, interval)})
        stored = [candle.open_time for candle in self._stored(series, missing)]
        return lay_gaps(known, changes, stored, interval, start, end)

    def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Latest ticker per symbol: prices carry their own age, so a remembered one is as true as it was.

        Raises
        ------
        RetryLater
            If the store is silent, and none is known of a symbol.
        """
        before, trouble = self._spool.state(), None
        try:
            stored = self._ask(lambda: self._store.tickers(symbols))
            if before.rows:
                self._keep_newer(stored.values())
            else:  # nothing waits: what the store says is all, though it be older than what was remembered
                self._tickers |= stored
        except RetryLater as silence:
            trouble = silence
        if trouble or before.rows:
            self._see_written_tickers(before)
        found = {symbol: self._tickers[symbol] for symbol in symbols if symbol in self._tickers}
        if trouble and len(found) < len({*symbols}):
            raise trouble
        return found

    def _see_written_tickers(self, before: SpoolState) -> None:
        try:
            written = self._spool.since(self._tickers_seen, kind=TickerBatch)
        except RetryLater:  # the older ones aren't kept any more: the store has them
            written = self._spool.since(before.confirmed, kind=TickerBatch)
        for spooled in written:
            self._tickers_seen = spooled.number
            if isinstance(spooled.write, TickerBatch):
                self._keep_newer(spooled.write.tickers)

    def _keep_newer(self, tickers: Iterable[Ticker]) -> None:
        for ticker in tickers:
            newer = newer_ticker(self._tickers.get(ticker.symbol), ticker)
            if newer:
                self._tickers[ticker.symbol] = newer

    def indicators(self, symbol: str, interval: Interval, *, newest: int) -> dict[datetime, dict[str, float]]:
        """Indicator values of the newest so many rows, ascending."""

        def ask() -> tuple[int, dict[datetime, dict[str, float]]]:
            return newest, self._store.indicators(symbol, interval, newest=newest)

        (held, stored), writes = self._remembered((symbol, interval), self._indicators, ask)
        rows = [write for write in writes if isinstance(write, IndicatorRows)]
        found = lay_indicators(stored, rows, newest)
        if held < newest and len(stored) == held:
            raise RetryLater(f"{self._guard.trouble}; so many indicator values aren't remembered")
        return found

    def position(self) -> int:
        """What is read from now on contains this write and all before it."""
        return self._spool.state().confirmed

    def candles_since(self, position: int, symbol: str, interval: Interval) -> tuple[int, list[Candle]]:
        """The series' candles as they were written after that, in order, and the position that they lead to."""
        found = self._spool.since(position, series=(symbol, interval), kind=CandleBatch)
        candles = [c for spooled in found if isinstance(spooled.write, CandleBatch) for c in spooled.write.candles]
        return (found[-1].number if found else position), candles

    def _ask(self, question: Callable[[], T]) -> T:
        with self._guard.asking():
            return question()

    def _both(self, series: _Series, question: Callable[[], T]) -> tuple[T, list[CandleBatch]]:
        """What the store answers, and the candles that wait."""
        before = self._spool.state()
        stored = self._ask(question)
        return stored, _batches(self._waiting(before, series))

    def _remembered(
        self, series: _Series, answers: Recollection[_Series, T], question: Callable[[], T]
    ) -> tuple[T, list[StoreWrite]]:
        """What the store answers, or has answered, and what was written since."""
        before = self._spool.state()
        try:
            stored = self._ask(question)
        except RetryLater:
            known = answers.get(series)
            if known is None:
                raise
            number, stored = known
            return stored, [spooled.write for spooled in self._spool.since(number, series=series)]
        answers.keep(series, before.confirmed, stored)
        return stored, self._waiting(before, series)

    def _waiting(self, before: SpoolState, series: _Series | None) -> list[StoreWrite]:
        """What waited `before` the store was asked, and what has come since: the answer may lack either."""
        if not before.rows:
            return []
        return [spooled.write for spooled in self._spool.since(before.confirmed, series=series)]

    def _waiting_run(self, series: _Series, end: datetime | None, newest: int) -> list[Candle]:
        """The newest candles out of what waits alone, while the store is silent: enough for a process that starts.

        Raises
        ------
        RetryLater
            If they are too few, or something may be missing between them.
        """
        run = newest_run(_batches(self._waiting(self._spool.state(), series)), series[1], end)
        if len(run) < newest:
            raise RetryLater(f"{self._guard.trouble}; of the newest {newest} candles only {len(run)} wait in the spool")
        return run[len(run) - newest :]

    def _stored(self, series: _Series, times: Sequence[datetime]) -> list[Candle]:
        """What the store has at those times, and near them."""
        return [candle for start, end in clusters(times) for candle in self._between(series, start, end)]

    def _between(self, series: _Series, start: datetime, end: datetime) -> list[Candle]:
        return self._ask(lambda: self._store.candles(*series, start=start, end=end))


def _batches(writes: Sequence[StoreWrite]) -> list[CandleBatch]:
    return [write for write in writes if isinstance(write, CandleBatch)]


def _sum(one: RangeVersion, other: RangeVersion) -> RangeVersion:
    return RangeVersion(one.candles + other.candles, one.corrections + other.corrections)


def _times(gap: Gap, interval: Interval) -> list[datetime]:
    return [gap.first_missing + n * interval.length for n in range(gap.candles)]
