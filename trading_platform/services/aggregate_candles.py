"""Make the candles of longer intervals out of the stored ones of the shortest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from trading_platform.domain.aggregation import aggregate_candles
from trading_platform.domain.candle import Candle, Gap, Interval, subtract_gaps
from trading_platform.ports.clock import Clock
from trading_platform.ports.series_store import CandleWrite, SeriesStore

log = structlog.get_logger()

Range = tuple[datetime, datetime]

_PART = timedelta(days=30)


@dataclass(frozen=True)
class LocalInterval:
    """An interval whose candles are made here of those of `base`."""

    symbol: str
    base: Interval
    target: Interval


def aggregate_new(store: SeriesStore, clock: Clock, local: LocalInterval, history_candles: int) -> CandleWrite:
    """Make the candles that the base's new ones complete; at first as many as the history holds.

    The newest bucket is made again, since one of its candles may have been corrected.
    """
    newest_base = store.newest_open_time(local.symbol, local.base)
    newest = store.newest_open_time(local.symbol, local.target)
    if newest_base is None:
        return CandleWrite()
    complete_until = local.target.floor(local.base.close_of(newest_base))
    if newest is not None and complete_until <= local.target.close_of(newest):
        return CandleWrite()
    start = complete_until - history_candles * local.target.length if newest is None else newest
    return aggregate_range(store, clock, local, start, complete_until)


def aggregate_range(
    store: SeriesStore, clock: Clock, local: LocalInterval, start: datetime, end: datetime
) -> CandleWrite:
    """Make all candles that lie wholly or in part in start <= time < end, as far as their shorter ones allow.

    Buckets that the venue has no candle of, because of a gap of its own, are recorded as its gap here, too.
    """
    target = local.target
    start, end = target.floor(start), target.floor(end - local.base.length) + target.length
    candles = store.candles(local.symbol, local.base, start=start, end=end)
    venue_gaps = store.known_gaps(local.symbol, local.base, start=start, end=end)
    made = aggregate_candles(candles, local.base, target, venue_gaps)
    if made.spanning_gaps:
        log.info(
            "candles_made_across_a_gap_of_the_venue",
            symbol=local.symbol,
            interval=target.name,
            candles=len(made.spanning_gaps),
            first=made.spanning_gaps[0].isoformat(),
        )
    written = CandleWrite()
    if made.candles:
        written = store.write_candles(local.symbol, target, made.candles, source="aggregated", received_at=clock.wall())
    _record_empty_buckets(store, clock, local, start, end, candles, venue_gaps)
    return written


def aggregate_history(
    store: SeriesStore, clock: Clock, local: LocalInterval, start: datetime, end: datetime
) -> CandleWrite:
    """The same for a range of any length, in parts that fit into memory."""
    written, part_start = CandleWrite(), start
    while part_start < end:
        part_end = min(local.target.floor(part_start) + _PART, end)
        written += aggregate_range(store, clock, local, part_start, part_end)
        part_start = part_end
    return written


def remake(store: SeriesStore, clock: Clock, local: LocalInterval, changed: Sequence[Range], since: datetime) -> int:
    """Make again what lies in the `changed` ranges of the base, and what is missing since; how many are new."""
    known = store.known_gaps(local.symbol, local.target, start=since)
    holes = subtract_gaps(store.missing_candles(local.symbol, local.target, start=since), known, local.target)
    missing = [(max(hole.first_missing, since), local.target.close_of(hole.last_missing)) for hole in holes]
    writes = [aggregate_range(store, clock, local, start, end) for start, end in [*changed, *missing]]
    return sum(write.inserted for write in writes)


def _record_empty_buckets(
    store: SeriesStore,
    clock: Clock,
    local: LocalInterval,
    start: datetime,
    end: datetime,
    candles: Sequence[Candle],
    venue_gaps: Sequence[Gap],
) -> None:
    """Buckets that lie wholly in gaps of the venue's own."""
    if not venue_gaps and not store.known_gaps(local.symbol, local.target, start=start, end=end):
        return
    begun = {local.target.floor(candle.open_time) for candle in candles}
    empty = []
    bucket = start
    while bucket < end:
        close = local.target.close_of(bucket)
        if bucket not in begun and not subtract_gaps([Gap.between(bucket, close, local.base)], venue_gaps, local.base):
            empty.append(Gap.between(bucket, close, local.target))
        bucket = close
    store.record_gaps(local.symbol, local.target, empty, start=start, end=end, confirmed_at=clock.wall())
