"""Writing candles: compared with what is stored, so that only what differs is written, and counted.

InfluxDB knows no transaction. What keeps the result right is that each point is idempotent: a batch that a crash cut
short is written again whole, and then the points that were there already are the same. Two processes that correct the
same candle within the same milliseconds leave one of their candles, whole, counted as one correction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from trading_platform.adapters.influxdb import candle_gaps, candle_records, flux, points
from trading_platform.adapters.influxdb.points import candle_line, candle_of, candle_text, moment_of
from trading_platform.adapters.influxdb.series_reader import SeriesReader
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.store_write import CandleBatch
from trading_platform.ports.series_store import CandleWrite

_JUST_AFTER = timedelta(milliseconds=1)

_Stored = dict[datetime, tuple[str, int]]  # the candle's text and the number of its corrections


def write_candles(candles: SeriesReader, gaps: SeriesReader, batch: CandleBatch) -> CandleWrite:
    """Write what is new or differs, part by part; of several candles with the same open time the last one counts."""
    written = CandleWrite()
    for part in _parts(_ascending(batch.candles), candles.interval, candles.connection.access.batch_points):
        lines, [changed] = _lines(candles, gaps, [replace(batch, candles=tuple(part))])
        candles.connection.write(candles.bucket, lines)
        written += changed
    return written


def lines_of_batches(
    candles: SeriesReader, gaps: SeriesReader, batches: Sequence[CandleBatch]
) -> tuple[list[str], list[CandleWrite]]:
    """What has to be written of several batches of the series, none of which shares a candle with another."""
    return _lines(candles, gaps, [replace(batch, candles=tuple(_ascending(batch.candles))) for batch in batches])


def _lines(
    candles: SeriesReader, gaps: SeriesReader, batches: Sequence[CandleBatch]
) -> tuple[list[str], list[CandleWrite]]:
    times = sorted(candle.open_time for batch in batches for candle in batch.candles)
    stored = _stored(candles, times)
    lines: list[str] = []
    written, replaced = [], []
    for batch in batches:
        inserted = corrected = 0
        for candle in batch.candles:
            known = stored.get(candle.open_time)
            if known is not None and _is_same(candle, known[0]):
                continue
            if known is None:
                inserted += 1
            else:
                corrected += 1
                replaced.append(candle.open_time)
            revision = 0 if known is None else known[1] + 1
            lines.append(
                candle_line(
                    candles.symbol,
                    candles.interval,
                    candle,
                    source=batch.source,
                    received_at=batch.received_at,
                    revision=revision,
                )
            )
        written.append(CandleWrite(inserted, corrected, len(batch.candles) - inserted - corrected))
    lines += candle_records.lines_of_corrections(candles, replaced)
    # also where nothing is new: a crash may have come between a batch of candles and the end of their gap
    return lines + candle_gaps.lines_to_forget(gaps, times), written


def _stored(candles: SeriesReader, times: Sequence[datetime]) -> _Stored:
    """What is stored at those times, which ascend, and near them."""
    texts: dict[str, str] = {}
    revisions: dict[str, int] = {}
    query = flux.of_series(points.CANDLES, "exact", "revision")
    for begin, end in _near(times, candles.interval, candles.connection.access.batch_points):
        for table in candles.connection.query(query, candles.parameters(begin, end + _JUST_AFTER)):
            for time, field, value in table.values("_time", "_field", "_value"):
                if field == "exact":
                    texts[time] = value
                else:
                    revisions[time] = int(value)
    return {moment_of(time): (text, revisions.get(time, 0)) for time, text in texts.items()}


def _is_same(candle: Candle, text: str) -> bool:
    if candle_text(candle) == text:
        return True
    return candle_of(candle.open_time.isoformat(), text) == candle  # trailing zeros are no difference


def _ascending(candles: Sequence[Candle]) -> Sequence[Candle]:
    if all(earlier.open_time < later.open_time for earlier, later in pairwise(candles)):
        return candles
    by_time = {candle.open_time: candle for candle in candles}
    return [by_time[open_time] for open_time in sorted(by_time)]


def _parts(candles: Sequence[Candle], interval: Interval, most: int) -> Iterator[Sequence[Candle]]:
    """Consecutive candles, few enough for a batch and so near each other that what lies between is few, too."""
    span = _span(interval, most)
    start = 0
    for place, candle in enumerate(candles):
        if place - start == most or candle.open_time - candles[start].open_time > span:
            yield candles[start:place]
            start = place
    if start < len(candles):
        yield candles[start:]


def _near(times: Sequence[datetime], interval: Interval, most: int) -> Iterator[tuple[datetime, datetime]]:
    """First and last of times that lie so near each other that what lies between is few."""
    start = 0
    for place, time in enumerate(times):
        if time - times[start] > _span(interval, most):
            yield times[start], times[place - 1]
            start = place
    yield times[start], times[-1]


def _span(interval: Interval, most: int) -> timedelta:
    return 2 * most * interval.length
