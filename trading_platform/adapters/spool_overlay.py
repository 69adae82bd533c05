"""What a store will say when the writes that wait have reached it: what it says now, and the writes laid over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from trading_platform.domain.candle import Candle, Gap, Interval, find_gaps, subtract_gaps
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import CandleBatch, GapRecord, IndicatorRows, MetricBatch
from trading_platform.ports.series_store import CandleWrite, RangeVersion

_PRICES = ("open", "high", "low", "close", "volume")
_FAR_APART = timedelta(days=1)
_LATER = timedelta(microseconds=1)


class CandleReplay:
    """The candles of a series as batches change them, one after the other.

    Parameters
    ----------
    stored
        At least what the store has at the open times that the batches touch.
    """

    def __init__(self, stored: Iterable[Candle]) -> None:
        self.candles = {candle.open_time: candle for candle in stored}
        self.sources: dict[datetime, str] = {}
        self.inserted: list[datetime] = []
        self.corrected: list[datetime] = []

    def write(self, batch: CandleBatch) -> CandleWrite:
        """As a store does: equal values change nothing, not even their spelling."""
        before, total = (len(self.inserted), len(self.corrected)), 0
        for open_time, candle in batch.newest_of_each().items():
            total += 1
            known = self.candles.get(open_time)
            if known == candle:
                continue
            (self.inserted if known is None else self.corrected).append(open_time)
            self.candles[open_time], self.sources[open_time] = candle, batch.source
        inserted, corrected = len(self.inserted) - before[0], len(self.corrected) - before[1]
        return CandleWrite(inserted, corrected, total - inserted - corrected)

    def changes(self, first: datetime, last: datetime) -> RangeVersion:
        """Candles more, and corrections more, of those that opened from `first` to `last`."""
        return RangeVersion(
            *(sum(first <= time <= last for time in times) for times in (self.inserted, self.corrected))
        )


def lay_candles(
    stored: Sequence[Candle],
    batches: Iterable[CandleBatch],
    start: datetime | None = None,
    end: datetime | None = None,
    newest: int | None = None,
) -> list[Candle]:
    """Candles with start <= open_time < end, ascending, the newest so many; `stored` is the same of the store."""
    replay = CandleReplay(stored)
    for batch in batches:
        replay.write(batch)
    wanted = [
        replay.candles[time]
        for time in sorted(replay.candles)
        if (start is None or time >= start) and (end is None or time < end)
    ]
    return wanted if newest is None else wanted[max(len(wanted) - newest, 0) :]


def newest_run(batches: Iterable[CandleBatch], interval: Interval, end: datetime | None) -> list[Candle]:
    """The newest candles before `end` between which nothing can be missing, ascending.

    They follow one another, or the venue itself has none between them: both stand in one answer of it.
    """
    replay, joined = CandleReplay([]), set()
    for batch in batches:
        replay.write(batch)
        if batch.source == "rest":
            joined |= set(pairwise(batch.newest_of_each()))
    times = [time for time in sorted(replay.candles) if end is None or time < end]
    first = len(times) - 1
    while first > 0:
        pair = times[first - 1], times[first]
        if pair[1] - pair[0] != interval.length and pair not in joined:
            break
        first -= 1
    return [replay.candles[time] for time in times[max(first, 0) :]]


def frame_of(candles: Sequence[Candle]) -> pd.DataFrame:
    """Candles as float64, indexed by open time."""
    index = pd.DatetimeIndex([candle.open_time for candle in candles], tz="UTC", name="open_time").as_unit("ns")
    values = [[float(getattr(candle, name)) for name in _PRICES] for candle in candles]
    return pd.DataFrame(np.array(values, dtype=np.float64).reshape(-1, len(_PRICES)), index=index, columns=[*_PRICES])


def touched(batches: Iterable[CandleBatch]) -> list[datetime]:
    """Open times of the batches, ascending, each once."""
    return sorted({candle.open_time for batch in batches for candle in batch.candles})


def clusters(times: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """Ascending times as ranges start <= time < end that lie far apart, so that little is read for nothing."""
    if not times:
        return []
    breaks = [(a, b) for a, b in pairwise(times) if b - a > _FAR_APART]
    starts, lasts = [times[0], *(b for _, b in breaks)], [*(a for a, _ in breaks), times[-1]]
    return [(start, last + _LATER) for start, last in zip(starts, lasts, strict=True)]


def lay_days(per_day: Mapping[date, int], new: Iterable[datetime]) -> dict[date, int]:
    """Candles per day with the `new` ones, ascending."""
    days = dict(per_day)
    for open_time in new:
        day = open_time.astimezone(UTC).date()
        days[day] = days.get(day, 0) + 1
    return dict(sorted(days.items()))


def lay_holes(
    holes: Sequence[Gap],
    new: Sequence[datetime],
    oldest: datetime | None,
    newest: datetime | None,
    interval: Interval,
    start: datetime,
) -> list[Gap]:
    """Holes between stored candles and `new` ones, ascending, that reach beyond `start`.

    Parameters
    ----------
    holes
        Those between stored candles alone.
    oldest, newest
        Of the stored candles; None if there are none.
    """
    filled = [Gap.between(time, time + interval.length, interval) for time in new]
    rest = subtract_gaps(holes, filled, interval)
    if oldest is None or newest is None:
        rest += find_gaps(new, interval)
    else:
        rest += find_gaps([*(time for time in new if time < oldest), oldest], interval)
        rest += find_gaps([newest, *(time for time in new if time > newest)], interval)
    return sorted((hole for hole in rest if hole.last_missing >= start), key=lambda hole: hole.first_missing)


def lay_gaps(
    known: Sequence[Gap],
    writes: Iterable[CandleBatch | GapRecord],
    stored: Iterable[datetime],
    interval: Interval,
    start: datetime | None,
    end: datetime | None,
) -> list[Gap]:
    """Recorded gaps that touch start <= open_time < end.

    Parameters
    ----------
    stored
        What the store has of the candles that the records say are missing: these are never recorded.
    """
    gaps, there = list(known), set(stored)
    for write in writes:
        if isinstance(write, CandleBatch):
            there |= {candle.open_time for candle in write.candles}
        else:
            gaps = subtract_gaps(gaps, [Gap.between(write.start, write.end, interval)], interval)
            gaps += [replace(gap, confirmed_at=write.confirmed_at) for gap in write.gaps]
        if gaps:
            gaps = subtract_gaps(gaps, [Gap.between(t, t + interval.length, interval) for t in there], interval)
    return sorted(
        (g for g in gaps if (start is None or g.last_missing >= start) and (end is None or g.first_missing < end)),
        key=lambda gap: gap.first_missing,
    )


def lay_indicators(
    stored: Mapping[datetime, Mapping[str, float]], writes: Iterable[IndicatorRows], newest: int
) -> dict[datetime, dict[str, float]]:
    """The newest so many rows, ascending."""
    rows = {open_time: dict(values) for open_time, values in stored.items()}
    for write in writes:
        rows |= {open_time: dict(values) for open_time, values in write.rows.items()}
    times = sorted(rows)
    return {time: rows[time] for time in times[max(len(times) - newest, 0) :]}


def lay_metrics(
    stored: Iterable[MetricPoint], batches: Iterable[MetricBatch], name: MetricName, since: datetime
) -> list[MetricPoint]:
    """Points of that name with since <= at, ascending."""
    new = (point for batch in batches for point in batch.metrics if point.name is name and point.at >= since)
    by_key = {(point.at, point.subject): point for points in (stored, new) for point in points}
    return [by_key[key] for key in sorted(by_key)]


def newer_ticker(known: Ticker | None, other: Ticker | None) -> Ticker | None:
    """An older ticker never replaces a newer one."""
    if known is None or other is None:
        return known or other
    is_newer = (other.venue_time, other.received_at) > (known.venue_time, known.received_at)
    return other if is_newer else known
