"""Bring prices and closed candles from the venue into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.ports.clock import Clock
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import CandleWrite, SeriesStore
from trading_platform.services.side_by_side import side_by_side

PAGE_CANDLES = 1000
MAX_PAGES_PER_REFRESH = 20

log = structlog.get_logger()


@dataclass(frozen=True)
class RefreshedSeries:
    """What a refresh did to one series; `failure` says why it stayed as it was."""

    symbol: str
    interval: str
    fetched: int
    write: CandleWrite
    newest_open_time: datetime | None
    failure: str | None = None


def refresh_tickers(feed: MarketFeed, store: SeriesStore, symbols: Sequence[str]) -> list[Ticker]:
    """Fetch and keep the prices of all symbols.

    Raises
    ------
    RetryLater
        If the venue or the store doesn't answer.
    """
    tickers = feed.tickers(symbols)
    store.write_tickers(tickers)
    return tickers


def refresh_candles(
    feed: MarketFeed,
    store: SeriesStore,
    clock: Clock,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    history_candles: int,
    at_once: int = 1,
) -> list[RefreshedSeries]:
    """Fetch what has closed since the last time, `at_once` series side by side; the first start fetches
    `history_candles`.

    One series' trouble doesn't keep the others from being refreshed, unless nothing works at all.

    Raises
    ------
    RetryLater
        If no series could be refreshed.
    """
    now = clock.read().now  # before the requests: whatever has closed by now is complete in the answers

    def refreshed_or_not(series: tuple[str, Interval]) -> RefreshedSeries:
        symbol, interval = series
        try:
            return _refresh_series(feed, store, clock, now, symbol, interval, history_candles)
        except RetryLater as trouble:
            log.warning("candles_not_refreshed", symbol=symbol, interval=str(interval), why=str(trouble))
            return RefreshedSeries(symbol, interval.name, 0, CandleWrite(), None, str(trouble))

    refreshed = side_by_side(refreshed_or_not, [(s, i) for s in symbols for i in intervals], at_once)
    failures = [series.failure for series in refreshed if series.failure]
    if failures and len(failures) == len(refreshed):
        raise RetryLater(f"no candles could be refreshed: {failures[0]}")
    return refreshed


def _refresh_series(
    feed: MarketFeed,
    store: SeriesStore,
    clock: Clock,
    now: datetime,
    symbol: str,
    interval: Interval,
    history_candles: int,
) -> RefreshedSeries:
    newest = store.newest_open_time(symbol, interval)
    if newest is not None and now < newest + 2 * interval.length:
        return RefreshedSeries(symbol, interval.name, 0, CandleWrite(), newest)
    since = interval.floor(now) - history_candles * interval.length if newest is None else newest
    fetched, total = 0, CandleWrite()
    for _ in range(MAX_PAGES_PER_REFRESH):
        page = feed.candles(symbol, interval, since, PAGE_CANDLES)
        closed = [candle for candle in page if interval.close_of(candle.open_time) <= now]
        if closed:
            total = _sum(total, _store(store, clock, symbol, interval, closed))
            newest = closed[-1].open_time
        fetched += len(closed)
        if len(page) < PAGE_CANDLES or len(closed) < len(page):
            break
        since = page[-1].open_time + interval.length
    return RefreshedSeries(symbol, interval.name, fetched, total, newest)


def _store(store: SeriesStore, clock: Clock, symbol: str, interval: Interval, closed: Sequence[Candle]) -> CandleWrite:
    write = store.write_candles(symbol, interval, closed, source="rest", received_at=clock.wall())
    if write.corrected:
        log.warning("candles_corrected", symbol=symbol, interval=str(interval), candles=write.corrected)
    return write


def _sum(one: CandleWrite, other: CandleWrite) -> CandleWrite:
    return CandleWrite(one.inserted + other.inserted, one.corrected + other.corrected, one.unchanged + other.unchanged)
