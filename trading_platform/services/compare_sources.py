"""Hold what came by stream against REST: now and then, a few series at a time, and REST has the last word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.check import CheckName, CheckResult, Severity, Verdict
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.quality import compare_candles, judge_agreement
from trading_platform.services.quality_desk import Comparison, QualityDesk

STREAM = "stream"
SETTLED_SECONDS = 10.0
"""A candle that closed less long ago on the venue's clock may not be final in REST's answer yet."""

_NEVER = datetime.min.replace(tzinfo=UTC)

log = structlog.get_logger()


def compare_sources(desk: QualityDesk, intervals: Sequence[Interval]) -> int:
    """Compare the series whose turn it is; how many were asked for by REST.

    Every series comes once per `quality.compare_seconds`, spread over the refreshes in between; a series of which no
    new candle came by stream costs no request. A series that can't be compared is tried again when all others have had
    their turn.

    Raises
    ------
    RetryLater
        If venue or store doesn't answer; the next call goes on where this one stopped.
    """
    settings, wall = desk.settings, desk.clock.wall()
    series = [(symbol, interval) for symbol in settings.market.symbols for interval in intervals]
    pause = timedelta(seconds=settings.quality.compare_seconds)
    due = [each for each in series if _is_due(desk, each, wall - pause)]
    due.sort(key=lambda each: desk.comparisons_tried.get((each[0], each[1].name), _NEVER))
    share = settings.cadence.refresh_seconds / settings.quality.compare_seconds
    asked = 0
    for symbol, interval in due[: math.ceil(len(series) * share)]:
        desk.comparisons_tried[symbol, interval.name] = wall
        try:
            asked += _compare(desk, symbol, interval)
        except FixSettings as mistake:  # of this symbol: its candles can't be refreshed either, which is told there
            log.warning("sources_not_compared", symbol=symbol, interval=str(interval), why=str(mistake))
    return asked


def checked_sources(desk: QualityDesk, intervals: Sequence[Interval]) -> list[CheckResult]:
    """What the newest comparison of each series showed."""
    results = []
    for symbol in desk.settings.market.symbols:
        for interval in intervals:
            comparison = desk.comparisons.get((symbol, interval.name))
            verdict = _verdict(comparison)
            results.append(
                CheckResult(
                    CheckName.AGREED,
                    symbol,
                    interval.name,
                    verdict.passed,
                    f"{symbol} {interval}: {verdict.reason}",
                    comparison.compared_at if comparison else None,
                    desk.clock.wall(),
                    verdict.severity,
                )
            )
    return results


def _is_due(desk: QualityDesk, series: tuple[str, Interval], before: datetime) -> bool:
    symbol, interval = series
    last = desk.comparisons.get((symbol, interval.name))
    return last is None or last.compared_at <= before


def _verdict(comparison: Comparison | None) -> Verdict:
    if comparison is None or not comparison.candles:
        return Verdict(True, "none of the newest candles came by stream", Severity.WARNING)
    return judge_agreement(comparison.differences, comparison.candles, comparison.compared_at)


def _compare(desk: QualityDesk, symbol: str, interval: Interval) -> int:
    streamed = _streamed(desk, symbol, interval)
    differences = []
    if streamed:
        by_rest = _by_rest(desk, symbol, interval, streamed)
        differences = compare_candles(streamed, by_rest)
        changed = {difference.open_time for difference in differences}
        corrections = [candle for candle in by_rest if candle.open_time in changed]
        desk.store.write_candles(symbol, interval, corrections, source="rest", received_at=desk.clock.wall())
        for difference in differences:
            log.warning("sources_differ", symbol=symbol, interval=str(interval), what=str(difference))
    desk.comparisons[symbol, interval.name] = Comparison(len(streamed), tuple(differences), desk.clock.wall())
    return int(bool(streamed))


def _streamed(desk: QualityDesk, symbol: str, interval: Interval) -> list[Candle]:
    """Of the newest candles, those that came by stream and have settled."""
    candles = desk.store.candles(symbol, interval, newest=desk.settings.quality.compare_candles)
    settled = desk.clock.read().now - timedelta(seconds=SETTLED_SECONDS)
    candles = [candle for candle in candles if interval.close_of(candle.open_time) <= settled]
    if not candles:
        return []
    sources = desk.store.sources(
        symbol, interval, start=candles[0].open_time, end=interval.close_of(candles[-1].open_time)
    )
    return [candle for candle in candles if sources.get(candle.open_time) == STREAM]


def _by_rest(desk: QualityDesk, symbol: str, interval: Interval, streamed: Sequence[Candle]) -> list[Candle]:
    first, last = streamed[0].open_time, streamed[-1].open_time
    wanted = (last - first) // interval.length + 1
    answer = desk.feed.candles(symbol, interval, first, wanted)
    return [candle for candle in answer if candle.open_time <= last]
