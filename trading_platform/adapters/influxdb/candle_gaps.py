"""Holes in the stored candles, and the records of those that the venue itself has.

A record is a point at its first missing candle. One that is over is written again as "none": a point that says nothing
is as good as a deleted one, and the change goes out in the same batch as the candles that caused it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from trading_platform.adapters.influxdb import flux, points
from trading_platform.adapters.influxdb.points import gap_line, gap_of, moment_of
from trading_platform.adapters.influxdb.series_reader import SeriesReader
from trading_platform.domain.candle import Gap, Interval, missing_within, subtract_gaps

_TIMES = "revision"  # a field that each candle has, of the fewest bytes


def holes(candles: SeriesReader, start: datetime) -> list[Gap]:
    """Holes between stored candles that reach beyond `start`, which may lie in one of them."""
    interval = candles.interval
    before = candles.newest_time(_TIMES, None, start)
    parameters = candles.parameters(before or start, None) | {"length_ms": interval.seconds * 1000}
    found = []
    for table in candles.connection.query(flux.longer_steps(points.CANDLES, _TIMES), parameters):
        for time, elapsed in table.values("_time", "elapsed"):
            later = moment_of(time)
            earlier = later - timedelta(milliseconds=int(elapsed))
            if later > start:
                found.append(Gap.between(earlier + interval.length, later, interval))
    return found


def known(gaps: SeriesReader, start: datetime | None, end: datetime | None) -> list[Gap]:
    """Recorded gaps that touch the range, ascending."""
    if end is not None and end <= flux.BEGINNING:
        return []
    found = (gap_of(*row) for row in gaps.sparse_rows("gap", end))
    return [gap for gap in found if gap is not None and (start is None or gap.last_missing >= start)]


def lines_of_record(
    gaps: SeriesReader,
    candles: SeriesReader,
    asked: Sequence[Gap],
    start: datetime,
    end: datetime,
    confirmed_at: datetime,
) -> list[str]:
    """What has to be written so that of the range exactly the `asked` are recorded, apart from stored candles."""
    interval = gaps.interval
    old = known(gaps, start, end)
    kept = subtract_gaps(old, [Gap.between(start, end, interval)], interval)
    new = []
    for gap in asked:
        first, end_of_gap = gap.first_missing, gap.last_missing + interval.length
        # another process may have got them meanwhile
        stored = [moment_of(time) for time, _ in candles.rows(_TIMES, first, end_of_gap)]
        missing = missing_within(stored, interval, first, end_of_gap)
        new += [replace(rest, confirmed_at=confirmed_at) for rest in missing]
    return _changes(gaps.symbol, interval, old, [*kept, *new])


def lines_to_forget(gaps: SeriesReader, open_times: Sequence[datetime]) -> list[str]:
    """Candles have come: what has to be written so that they are recorded as missing no more."""
    interval = gaps.interval
    touched = known(gaps, open_times[0], open_times[-1] + interval.length)
    rest = [
        replace(part, confirmed_at=gap.confirmed_at)
        for gap in touched
        for part in missing_within(open_times, interval, gap.first_missing, gap.last_missing + interval.length)
    ]
    return _changes(gaps.symbol, interval, touched, rest)


def _changes(symbol: str, interval: Interval, old: Iterable[Gap], new: Iterable[Gap]) -> list[str]:
    before: dict[datetime, Gap] = {gap.first_missing: gap for gap in old}
    after: dict[datetime, Gap] = {gap.first_missing: gap for gap in new}
    lines = []
    for first_missing in sorted(before.keys() | after.keys()):
        gap, was = after.get(first_missing), before.get(first_missing)
        if gap is None or was is None or (gap, gap.confirmed_at) != (was, was.confirmed_at):
            lines.append(gap_line(symbol, interval, first_missing, gap))
    return lines
