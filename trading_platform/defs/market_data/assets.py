"""Prices and closed candles, fresh from the venue."""

from collections.abc import Iterator, Sequence

import dagster as dg
import structlog

from trading_platform.bootstrap import Platform
from trading_platform.defs.market_data.checks import CANDLE_CHECKS, CANDLES, evaluate_candle_checks
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.tables import age, as_table, link_to_asset, utc
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.services.compare_sources import compare_sources
from trading_platform.services.refresh_market import (
    RefreshedSeries,
    refresh_candles,
    refresh_held_prices,
    refresh_tickers,
)
from trading_platform.services.serve_fallback import ServedTickers, serve_tickers

GROUP = "market_data"
COUNTED_SERIES = 20

log = structlog.get_logger()
_NO_STREAMS = "streams aren't used (--market-data rest, or stepping)"


@dg.asset(
    group_name=GROUP,
    kinds={"postgres"},
    description="Best bid, best ask and last price of every symbol, and of what else is held.",
)
def tickers(platform: PlatformParam) -> dg.MaterializeResult:
    """Take what the streams have brought; where they are silent, fetch the prices of all symbols in one call."""
    settings = platform.settings
    symbols = settings.market.symbols
    if settings.uses_streams:
        served = serve_tickers(
            platform.feed, platform.store, platform.streams, platform.clock, symbols, settings.streams
        )
        states = {symbol: status.state.value for symbol, status in platform.streams.statuses().items()}
    else:
        tickers = refresh_tickers(platform.feed, platform.store, platform.clock, symbols)
        served, states = ServedTickers(tickers, _NO_STREAMS), {}
    held = refresh_held_prices(platform.feed, platform.store, platform.clock, platform.ledger, settings)
    rows = [
        {
            "symbol": t.symbol,
            "bid": t.bid,
            "ask": t.ask,
            "last": t.last,
            "venue time": t.venue_time,
            "source": t.source,
            "stream": states.get(t.symbol, "—"),
        }
        for t in (*served.tickers, *held)
    ]
    return dg.MaterializeResult(
        metadata={
            "prices": as_table(rows),
            "symbols": len(rows),
            "asked_rest": served.asked_rest or "no: the streams served every symbol",
        }
    )


@dg.asset(
    key=CANDLES,
    group_name=GROUP,
    kinds={"postgres"},
    check_specs=CANDLE_CHECKS,
    description="Closed candles of every symbol and interval, exactly as the venue published them.",
)
def candles(platform: PlatformParam) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Fetch what has closed since the last time, and judge what is stored, whether or not the venue answered."""
    settings = platform.settings.market
    try:
        series = refresh_candles(
            platform.feed,
            platform.store,
            platform.clock,
            settings.symbols,
            platform.intervals,
            settings.history_candles,
            at_once=platform.settings.requests.at_once,
            aggregate_locally=settings.higher_intervals == "local",
            repair_days=platform.settings.history.repair_days,
        )
    except RetryLater:
        yield from evaluate_candle_checks(platform)
        raise
    _compare_sources(platform)
    yield _materialization(platform, series)
    yield from evaluate_candle_checks(platform)


def _compare_sources(platform: Platform) -> None:
    """The candles are there: a comparison that can't be made now is made at a later tick."""
    try:
        compare_sources(platform.quality, platform.intervals)
    except RetryLater as trouble:
        log.warning("sources_not_compared", why=str(trouble))


def _stored(platform: Platform, grown: RefreshedSeries) -> dict[str, int | str]:
    counted = (
        platform.store.count_candles(grown.symbol, Interval.parse(grown.interval)) if grown.write.inserted else "—"
    )
    return {"stored": counted}


def _materialization(platform: Platform, series: Sequence[RefreshedSeries]) -> dg.MaterializeResult:
    now = platform.clock.read().now
    # counting reads the whole series: only worth it when it has grown, and for few of them
    counts = len(series) <= COUNTED_SERIES and any(s.write.inserted for s in series)
    has_gaps = any(s.repaired or s.venue_gaps for s in series)
    rows = [
        {
            "symbol": s.symbol,
            "interval": s.interval,
            # narrow columns: the catalog's page cuts a wide table off
            "age": age(s.newest_open_time, now).replace(" ", "\N{NO-BREAK SPACE}") if s.newest_open_time else "—",
            "newest (UTC)": utc(s.newest_open_time),
            **(_stored(platform, s) if counts else {}),
            "new": s.write.inserted,
            "corrected": s.write.corrected,
            **({"repaired": s.repaired, "venue has none": s.venue_gaps} if has_gaps else {}),
            **({"trouble": s.failure or ""} if any(each.failure for each in series) else {}),
        }
        for s in series
    ]
    newest = [s.newest_open_time for s in series if s.newest_open_time]
    return dg.MaterializeResult(
        metadata={
            "series": as_table(rows),
            "chart": link_to_asset("price_chart"),
            "new_candles": sum(s.write.inserted for s in series),
            **({"newest_candle": dg.MetadataValue.timestamp(max(newest))} if newest else {}),
        }
    )
