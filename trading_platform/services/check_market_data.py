"""Judge the stored market data: fresh, without holes, sane. The checks of the UI and the trade gate share this."""

from __future__ import annotations

from collections.abc import Sequence

from trading_platform.domain.candle import Interval, find_gaps, insane_candles
from trading_platform.domain.check import CheckName, CheckResult
from trading_platform.domain.freshness import Freshness, assess_candles
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.series_store import SeriesStore


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
    store: SeriesStore,
    clock: Clock,
    symbol: str,
    interval: Interval,
    limit_seconds: float,
    window_candles: int,
) -> list[CheckResult]:
    """Run every check on one series, over the window that strategies see."""
    [freshness] = assess_freshness(store, clock, [symbol], [interval], limit_seconds)
    candles = store.candles(symbol, interval, newest=window_candles)
    gaps = find_gaps([candle.open_time for candle in candles], interval)
    insane = insane_candles(candles)
    wall = clock.wall()

    def result(name: CheckName, passed: bool, reason: str) -> CheckResult:
        return CheckResult(name, symbol, interval.name, passed, reason, freshness.newest_open_time, wall)

    series = f"{symbol} {interval}"
    return [
        result(CheckName.FRESH, freshness.is_fresh, freshness.reason),
        result(
            CheckName.NO_GAPS,
            bool(candles) and not gaps,
            f"{series}: {sum(gap.candles for gap in gaps)} candles missing, the last hole ends at "
            f"{gaps[-1].last_missing:%Y-%m-%d %H:%M} UTC"
            if gaps
            else f"{series}: no hole in the newest {len(candles)} candles",
        ),
        result(
            CheckName.SANE,
            bool(candles) and not insane,
            f"{series}: impossible prices in {len(insane)} candles, first at {insane[0].open_time:%Y-%m-%d %H:%M} UTC"
            if insane
            else f"{series}: prices and volumes of the newest {len(candles)} candles are possible",
        ),
    ]


def check_market_data(
    store: SeriesStore,
    journal: HealthJournal,
    clock: Clock,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    limit_seconds: float,
    window_candles: int,
) -> list[CheckResult]:
    """Run and record every check on every series."""
    results = [
        result
        for symbol in symbols
        for interval in intervals
        for result in check_series(store, clock, symbol, interval, limit_seconds, window_candles)
    ]
    journal.record_checks(results)
    return results
