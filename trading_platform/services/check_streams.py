"""Judge what the streams delivered within the last minutes: twice, out of order, broken."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import timedelta

from trading_platform.domain.check import EVERY, CheckName, CheckResult, Verdict
from trading_platform.domain.quality import counts_added, judge_intake
from trading_platform.domain.stream import StreamStatus
from trading_platform.services.quality_desk import QualityDesk


def check_streams(desk: QualityDesk) -> list[CheckResult]:
    """Judge every symbol's stream; without streams, every symbol passes.

    Notes
    -----
    The counters count from the start of the stream process. So each look remembers its reading, and what was added
    since the oldest one of the last minutes is judged: nothing is written, several processes may look, and a process
    that has only just begun knows of nothing yet.
    """
    statuses = desk.streams.statuses() if desk.streams else {}
    return [
        CheckResult(
            name,
            symbol,
            EVERY,
            verdict.passed,
            f"{symbol}: {verdict.reason}",
            status.last_event_at if status else None,
            desk.clock.wall(),
            verdict.severity,
        )
        for symbol in desk.settings.market.symbols
        for status in [statuses.get(symbol)]
        for name, verdict in _judge(desk, status)
    ]


def _judge(desk: QualityDesk, status: StreamStatus | None) -> Iterator[tuple[CheckName, Verdict]]:
    quality = desk.settings.quality
    if status is None:
        for name in (CheckName.ONCE, CheckName.IN_ORDER, CheckName.WELL_FORMED):
            yield name, Verdict(True, "no stream, REST serves it")
        return
    readings = desk.readings[status.symbol]
    _remember(readings, status, quality.stream_window_seconds)
    added, seconds = counts_added(readings), quality.stream_window_seconds
    yield (
        CheckName.ONCE,
        judge_intake("events sent twice", added.duplicates, quality.max_stream_duplicates, seconds),
    )
    yield (
        CheckName.IN_ORDER,
        judge_intake("events out of order", added.out_of_order, quality.max_stream_out_of_order, seconds),
    )
    yield (
        CheckName.WELL_FORMED,
        judge_intake("events that can't be read", added.malformed, quality.max_stream_malformed, seconds),
    )


def _remember(readings: deque[StreamStatus], status: StreamStatus, window_seconds: float) -> None:
    if not readings or status.heartbeat_at > readings[-1].heartbeat_at:
        readings.append(status)
    oldest = readings[-1].heartbeat_at - timedelta(seconds=window_seconds)
    while len(readings) > 1 and readings[0].heartbeat_at < oldest:
        readings.popleft()
