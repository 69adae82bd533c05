"""Judge the market data by every rule. The checks of the UI and the trade gate share this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from trading_platform.domain.candle import Candle, Gap, Interval, find_gaps
from trading_platform.domain.check import EVERY, CheckName, CheckResult, Verdict
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.freshness import Freshness, assess_candles
from trading_platform.domain.quality import judge_clock, judge_gaps, judge_jumps, judge_sanity, judge_volume
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.check_streams import check_streams
from trading_platform.services.compare_sources import checked_sources
from trading_platform.services.quality_desk import QualityDesk
from trading_platform.settings import QualitySettings, Settings


def assess_freshness(
    store: SeriesStore,
    clock: Clock,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    limit_seconds: float,
) -> list[Freshness]:
    """Freshness of every series, by its own newest candle."""
    now = clock.read()
    return [
        assess_candles(symbol, interval, store.newest_open_time(symbol, interval), now, limit_seconds)
        for symbol in symbols
        for interval in intervals
    ]


def check_series(
    store: SeriesStore, clock: Clock, settings: Settings, symbol: str, interval: Interval
) -> list[CheckResult]:
    """Judge one series, over the window that strategies see."""
    return _check_series(store, clock.read(), settings, symbol, interval)


def _check_series(
    store: SeriesStore, now: VenueTime, settings: Settings, symbol: str, interval: Interval
) -> list[CheckResult]:
    limit_seconds = settings.freshness.max_candle_lateness_seconds
    newest = store.newest_open_time(symbol, interval)
    freshness = assess_candles(symbol, interval, newest, now, limit_seconds)
    candles = store.candles(symbol, interval, newest=settings.market.window_candles)
    open_times = [candle.open_time for candle in candles]
    # what the venue lacks only matters where something is missing
    known_gaps = store.known_gaps(symbol, interval, start=open_times[0]) if find_gaps(open_times, interval) else []
    verdicts = {
        CheckName.FRESH: Verdict(freshness.is_fresh, freshness.reason),
        **{
            name: replace(verdict, reason=f"{symbol} {interval}: {verdict.reason}")
            for name, verdict in _judge_candles(candles, known_gaps, interval, settings.quality).items()
        },
    }
    return [
        CheckResult(name, symbol, interval.name, verdict.passed, verdict.reason, newest, now.wall, verdict.severity)
        for name, verdict in verdicts.items()
    ]


def _judge_candles(
    candles: Sequence[Candle], known_gaps: Sequence[Gap], interval: Interval, quality: QualitySettings
) -> Mapping[CheckName, Verdict]:
    return {
        CheckName.NO_GAPS: judge_gaps([candle.open_time for candle in candles], interval, known_gaps),
        CheckName.SANE: judge_sanity(candles),
        CheckName.TRADED: judge_volume(candles, quality.max_zero_volume_candles),
        CheckName.STEADY: judge_jumps(
            candles,
            interval,
            deviations=quality.jump_band_deviations,
            min_jump_bps=quality.min_jump_bps,
            newest=quality.jump_candles,
        ),
    }


def check_clock(feed: MarketFeed, clock: Clock, settings: Settings) -> CheckResult:
    """Judge the venue's wall clock against ours; fails closed while the venue doesn't tell its time."""
    data_time: datetime | None = None
    try:
        offset = feed.clock_offset()
    except RetryLater as silence:
        verdict = Verdict(False, f"the venue's clock can't be read: {silence}")
    else:
        data_time = offset.measured_at if offset else None
        verdict = judge_clock(
            offset,
            warning_seconds=settings.quality.clock_drift_warning_seconds,
            max_seconds=settings.max_clock_drift_seconds,
        )
    return CheckResult(
        CheckName.CLOCK, EVERY, EVERY, verdict.passed, verdict.reason, data_time, clock.wall(), verdict.severity
    )


def check_market_data(desk: QualityDesk, intervals: Sequence[Interval]) -> list[CheckResult]:
    """Judge every series, stream and clock by every rule, and record the results."""
    settings = desk.settings
    now = desk.clock.read()
    results = [
        *(
            result
            for symbol in settings.market.symbols
            for interval in intervals
            for result in _check_series(desk.store, now, settings, symbol, interval)
        ),
        *check_streams(desk),
        *checked_sources(desk, intervals),
        check_clock(desk.feed, desk.clock, settings),
    ]
    desk.journal.record_checks(results)
    return results
