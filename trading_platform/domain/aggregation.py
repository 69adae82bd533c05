"""Candles of a longer interval out of those of a shorter one, exact to the last digit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal, Inexact
from functools import reduce
from itertools import groupby

from trading_platform.domain.candle import Candle, Gap, Interval, missing_within, subtract_gaps

# adding never rounds: 200 digits are more than any sum of volumes has, and one that had more would raise
_EXACT = Context(prec=200, traps=[Inexact])


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Complete candles, ascending.

    Parameters
    ----------
    spanning_gaps
        Open times of those whose shorter candles the venue itself lacks in part: they are made of what there is, as
        the venue's own are.
    incomplete
        Open times of the buckets that are left out, because shorter candles are missing that the venue may have.
    """

    candles: list[Candle]
    spanning_gaps: list[datetime]
    incomplete: list[datetime]


def aggregate_candles(
    candles: Sequence[Candle], base: Interval, target: Interval, venue_gaps: Sequence[Gap] = ()
) -> Aggregation:
    """Candles of `target` out of ascending closed candles of `base`.

    A bucket counts when it has all its shorter candles, or when those that it lacks are in `venue_gaps`. Buckets with
    no candle at all don't appear: the venue has none either, or a hole of the shorter candles tells.

    Raises
    ------
    ValueError
        If `target` isn't a multiple of `base`.
    """
    if not aggregates_from(base, target):
        raise ValueError(f"{target} candles can't be made of {base} candles")
    found = Aggregation([], [], [])
    whole = target.seconds // base.seconds
    for open_time, bucket in _buckets(candles, target):
        if len(bucket) < whole:
            end = target.close_of(open_time)
            missing = missing_within([candle.open_time for candle in bucket], base, open_time, end)
            if subtract_gaps(missing, venue_gaps, base):
                found.incomplete.append(open_time)
                continue
            found.spanning_gaps.append(open_time)
        found.candles.append(_joined(open_time, bucket))
    return found


def aggregates_from(base: Interval, target: Interval) -> bool:
    """Whether whole candles of `base` add up to one of `target`."""
    return target.seconds > base.seconds and target.seconds % base.seconds == 0


def _buckets(candles: Sequence[Candle], target: Interval) -> Iterator[tuple[datetime, list[Candle]]]:
    for open_time, bucket in groupby(candles, key=lambda candle: target.floor(candle.open_time)):
        yield open_time, list(bucket)


def _joined(open_time: datetime, bucket: Sequence[Candle]) -> Candle:
    return Candle(
        open_time,
        bucket[0].open,
        max(candle.high for candle in bucket),
        min(candle.low for candle in bucket),
        bucket[-1].close,
        reduce(_EXACT.add, (candle.volume for candle in bucket), Decimal(0)),
    )
