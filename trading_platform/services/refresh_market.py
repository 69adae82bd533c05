"""Bring prices and closed candles from the venue into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import CandleWrite, SeriesStore
from trading_platform.services.aggregate_candles import LocalInterval, aggregate_new, remake
from trading_platform.services.fetch_candles import PAGE_CANDLES
from trading_platform.services.repair_gaps import Repair, repair_gaps
from trading_platform.services.side_by_side import side_by_side
from trading_platform.services.value_account import valued_symbols
from trading_platform.settings import Settings

MAX_PAGES_PER_REFRESH = 20
MOST_AHEAD_SECONDS = 10.0
"""The platform's reading of the venue's clock may be behind it by the answer's way, and some drift."""

log = structlog.get_logger()


@dataclass(frozen=True)
class RefreshedSeries:
    """What a refresh did to one series.

    Parameters
    ----------
    failure
        What couldn't be done and why: the series stayed as it was, or a hole in it did.
    repaired
        Candles that filled a hole.
    venue_gaps
        Candles that the venue, asked now, doesn't have either.
    is_refreshed
        Whether it ends with the newest candle there is, whatever is missing before.
    """

    symbol: str
    interval: str
    fetched: int
    write: CandleWrite
    newest_open_time: datetime | None
    failure: str | None = None
    repaired: int = 0
    venue_gaps: int = 0
    is_refreshed: bool = True


def refresh_tickers(feed: MarketFeed, store: SeriesStore, clock: Clock, symbols: Sequence[str]) -> list[Ticker]:
    """Fetch and keep the prices of all symbols.

    A time that is still to come would keep every price out until then: one that carries it is left out, and what the
    store has of it, from a clock that was wrong, is forgotten.

    Raises
    ------
    RetryLater
        If the venue or the store doesn't answer, or no price is of now.
    """
    told = feed.tickers(symbols)
    now = clock.read()
    latest = now.now + timedelta(seconds=max(MOST_AHEAD_SECONDS, now.venue_seconds(MOST_AHEAD_SECONDS)))
    tickers = [ticker for ticker in told if ticker.venue_time <= latest]
    if len(tickers) < len(told):
        ahead = {ticker.symbol: f"{ticker.venue_time:%Y-%m-%d %H:%M:%S}" for ticker in told if ticker not in tickers}
        log.warning("prices_from_the_future", venue_now=f"{now.now:%Y-%m-%d %H:%M:%S}", times=ahead)
        if not tickers:
            raise RetryLater(f"the venue's prices carry a time that is still to come: {ahead}")
    _forget_the_future(store, symbols, latest)
    store.write_tickers(tickers)
    return tickers


def _forget_the_future(store: SeriesStore, symbols: Sequence[str], latest: datetime) -> None:
    try:
        if ahead := sorted(s for s, known in store.tickers(symbols).items() if known.venue_time > latest):
            store.forget_tickers(latest)
            log.warning("prices_from_the_future_forgotten", symbols=ahead)
    except RetryLater as silence:  # the next refresh looks again
        log.debug("stored_prices_not_looked_at", why=str(silence))


def refresh_held_prices(
    feed: MarketFeed, store: SeriesStore, clock: Clock, ledger: Ledger, settings: Settings
) -> list[Ticker]:
    """Fetch and keep the prices of what the account holds and isn't among the settings' symbols any more.

    The account can't be valued without them. That they can't be had now keeps nobody from the others.
    """
    try:
        others = sorted(valued_symbols(ledger, store, settings).keys() - set(settings.market.symbols))
        return refresh_tickers(feed, store, clock, others) if others else []
    except (RetryLater, FixSettings) as trouble:  # before the first trade run there is no account yet
        log.warning("held_prices_not_refreshed", why=str(trouble))
        return []


def refresh_candles(
    feed: MarketFeed,
    store: SeriesStore,
    clock: Clock,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    history_candles: int,
    *,
    at_once: int = 1,
    aggregate_locally: bool = False,
    repair_days: int = 3,
) -> list[RefreshedSeries]:
    """Fetch what has closed since the last time, `at_once` symbols side by side; the first start fetches
    `history_candles`.

    One series' trouble doesn't keep the others from being refreshed, unless nothing works at all. Holes in the newest
    `repair_days` are asked for as well.

    Parameters
    ----------
    aggregate_locally
        Fetch the shortest interval only, with a history that is long enough, and make the longer ones of it.

    Raises
    ------
    RetryLater, FixSettings
        If no series could be refreshed; a symbol that the venue no longer trades is its own trouble only.
    """
    now = clock.read().now  # before the requests: whatever has closed by now is complete in the answers
    since = now - timedelta(days=repair_days)
    base = min(intervals)
    # what the longer intervals are made of must reach as far back as they do
    span = max(intervals).seconds // base.seconds if aggregate_locally else 1

    mistakes: list[FixSettings] = []

    def refresh_symbol(symbol: str) -> list[RefreshedSeries]:
        repair, found = Repair(), []
        # the base first: the longer ones are made of it
        for interval in sorted(intervals) if aggregate_locally else intervals:
            try:
                if aggregate_locally and interval > base:
                    local = LocalInterval(symbol, base, interval)
                    series = _refresh_locally(store, clock, local, history_candles, repair, since)
                else:
                    series = _refresh_series(feed, store, clock, now, symbol, interval, history_candles * span)
                    series, repair = _repaired(series, feed, store, clock, interval, since)
            except (RetryLater, FixSettings) as trouble:
                if isinstance(trouble, FixSettings):
                    mistakes.append(trouble)
                log.warning("candles_not_refreshed", symbol=symbol, interval=str(interval), why=str(trouble))
                series = RefreshedSeries(
                    symbol, interval.name, 0, CandleWrite(), None, str(trouble), is_refreshed=False
                )
            found.append(series)
        return found

    refreshed = [series for found in side_by_side(refresh_symbol, symbols, at_once) for series in found]
    if refreshed and not any(series.is_refreshed for series in refreshed):
        kind = FixSettings if len(mistakes) == len(refreshed) else RetryLater
        raise kind(f"no candles could be refreshed: {refreshed[0].failure}")
    return refreshed


def _repaired(
    series: RefreshedSeries, feed: MarketFeed, store: SeriesStore, clock: Clock, interval: Interval, since: datetime
) -> tuple[RefreshedSeries, Repair]:
    """Fill holes; one that stays is told, and keeps nobody from what has closed since."""
    try:
        repair = repair_gaps(feed, store, clock, series.symbol, interval, since)
    except RetryLater as trouble:
        log.warning("gap_not_repaired", symbol=series.symbol, interval=str(interval), why=str(trouble))
        return replace(series, failure=f"a hole couldn't be filled: {trouble}"), Repair()
    return replace(series, repaired=repair.repaired, venue_gaps=repair.venue_gaps), repair


def _refresh_locally(
    store: SeriesStore, clock: Clock, local: LocalInterval, history_candles: int, repair: Repair, since: datetime
) -> RefreshedSeries:
    write = aggregate_new(store, clock, local, history_candles)
    repaired = remake(store, clock, local, repair.touched, since)
    newest = store.newest_open_time(local.symbol, local.target)
    return RefreshedSeries(local.symbol, local.target.name, write.inserted, write, newest, repaired=repaired)


def _refresh_series(
    feed: MarketFeed,
    store: SeriesStore,
    clock: Clock,
    now: datetime,
    symbol: str,
    interval: Interval,
    history_candles: int,
) -> RefreshedSeries:
    newest = _newest(store, symbol, interval, history_candles)
    if newest is not None and now < newest + 2 * interval.length:
        return RefreshedSeries(symbol, interval.name, 0, CandleWrite(), newest)
    since = interval.floor(now) - history_candles * interval.length if newest is None else newest
    fetched, total = 0, CandleWrite()
    for _ in range(MAX_PAGES_PER_REFRESH):
        page = feed.candles(symbol, interval, since, PAGE_CANDLES)
        closed = [candle for candle in page if interval.close_of(candle.open_time) <= now]
        if closed:
            total += _store(store, clock, symbol, interval, closed)
            newest = closed[-1].open_time
        fetched += len(closed)
        if len(page) < PAGE_CANDLES or len(closed) < len(page):
            break
        since = page[-1].open_time + interval.length
    return RefreshedSeries(symbol, interval.name, fetched, total, newest)


def _newest(store: SeriesStore, symbol: str, interval: Interval, history_candles: int) -> datetime | None:
    """Open time of the newest candle; None also if that can't be known now.

    A process that starts while a remote store is silent fetches what a first start does. It waits in the spool then,
    and serves until the store is back.
    """
    try:
        return store.newest_open_time(symbol, interval)
    except RetryLater as silence:
        why = str(silence)
    try:
        return max(store.open_times(symbol, interval, newest=history_candles), default=None)
    except RetryLater:
        log.warning("history_fetched_anew", symbol=symbol, interval=str(interval), why=why)
        return None


def _store(store: SeriesStore, clock: Clock, symbol: str, interval: Interval, closed: Sequence[Candle]) -> CandleWrite:
    write = store.write_candles(symbol, interval, closed, source="rest", received_at=clock.wall())
    if write.corrected:
        log.warning("candles_corrected", symbol=symbol, interval=str(interval), candles=write.corrected)
    return write
