"""Candles and the grid of intervals on which they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar

_BEYOND_MEASURE = Decimal("1E+30")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Interval:
    """Length of a candle, such as ``1m`` or ``4h``; candles open on multiples of it since the epoch (UTC)."""

    seconds: int
    name: str

    _KNOWN: ClassVar[dict[str, int]] = {
        "1m": 60,
        "3m": 180,
        "5m": 300,
        "15m": 900,
        "30m": 1800,
        "1h": 3600,
        "2h": 7200,
        "4h": 14400,
        "6h": 21600,
        "12h": 43200,
        "1d": 86400,
    }

    @classmethod
    def parse(cls, name: str) -> Interval:
        """Interval of that name.

        Raises
        ------
        ValueError
            If it isn't one of the known names.
        """
        if name not in cls._KNOWN:
            raise ValueError(f"{name!r} is not an interval; known are {', '.join(cls._KNOWN)}")
        return cls(cls._KNOWN[name], name)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names that `parse` knows, the shortest interval first."""
        return tuple(cls._KNOWN)

    @property
    def length(self) -> timedelta:
        """The interval as a duration."""
        return timedelta(seconds=self.seconds)

    def floor(self, moment: datetime) -> datetime:
        """Open time of the candle in which `moment` lies."""
        return moment - (moment - _EPOCH) % self.length

    def close_of(self, open_time: datetime) -> datetime:
        """The moment at which the candle that opened at `open_time` is complete (exclusive end)."""
        return open_time + self.length

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Candle:
    """One closed candle, in exact decimals as the venue sent them; volume in the base asset."""

    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def is_sane(self) -> bool:
        """Prices positive, low at the bottom, high at the top, volume not negative, nothing beyond all measure."""
        is_ordered = 0 < self.low <= self.open <= self.high and self.low <= self.close <= self.high
        return is_ordered and self.high < _BEYOND_MEASURE and 0 <= self.volume < _BEYOND_MEASURE


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in a series: the candles that should open from `first_missing` to `last_missing`, both included.

    Parameters
    ----------
    confirmed_at
        Wall clock, when the venue was last asked and had none of them: the hole is its own. None: not asked yet.
    """

    first_missing: datetime
    last_missing: datetime
    candles: int
    confirmed_at: datetime | None = field(default=None, compare=False)

    @classmethod
    def between(cls, start: datetime, end: datetime, interval: Interval, confirmed_at: datetime | None = None) -> Gap:
        """All candles with start <= open_time < end, both on the grid."""
        return cls(start, end - interval.length, (end - start) // interval.length, confirmed_at)


def find_gaps(open_times: Sequence[datetime], interval: Interval, known: Sequence[Gap] = ()) -> list[Gap]:
    """Holes between the first and the last of ascending `open_times`, without what is `known` to be missing."""
    gaps = []
    for earlier, later in pairwise(open_times):
        if later - earlier > interval.length:
            gaps.append(Gap.between(earlier + interval.length, later, interval))
    return subtract_gaps(gaps, known, interval)


def missing_within(open_times: Sequence[datetime], interval: Interval, start: datetime, end: datetime) -> list[Gap]:
    """Holes of ascending `open_times` in the whole of start <= open_time < end, its edges included."""
    inside = [open_time for open_time in open_times if start <= open_time < end]
    return find_gaps([start - interval.length, *inside, end], interval)


def subtract_gaps(gaps: Sequence[Gap], known: Sequence[Gap], interval: Interval) -> list[Gap]:
    """What `gaps` have beyond those that are `known`, ascending; a remainder keeps its gap's `confirmed_at`."""
    rest = []
    for gap in gaps:
        start, end = gap.first_missing, gap.last_missing + interval.length
        for other in sorted(known, key=lambda each: each.first_missing):
            if other.last_missing < start or other.first_missing >= end:
                continue
            if other.first_missing > start:
                rest.append(Gap.between(start, other.first_missing, interval, gap.confirmed_at))
            start = other.last_missing + interval.length
        if start < end:
            rest.append(Gap.between(start, end, interval, gap.confirmed_at))
    return rest


def insane_candles(candles: Iterable[Candle]) -> list[Candle]:
    """Those whose prices or volume are impossible."""
    return [candle for candle in candles if not candle.is_sane()]
