"""Role: keeping market data as series in time. One contract suite runs over every adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import pandas as pd

from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import CandleBatch


@dataclass(frozen=True)
class CandleWrite:
    """What writing candles changed; writing the same candles again changes nothing.

    Parameters
    ----------
    spooled
        Accepted while the store is away: what they change shows when it is back.
    """

    inserted: int = 0
    corrected: int = 0
    unchanged: int = 0
    spooled: int = 0

    def __add__(self, other: CandleWrite) -> CandleWrite:
        """What both changed."""
        return CandleWrite(
            self.inserted + other.inserted,
            self.corrected + other.corrected,
            self.unchanged + other.unchanged,
            self.spooled + other.spooled,
        )


@dataclass(frozen=True)
class CandleRange:
    """The candles of a series that opened from `first` to `last`, both included."""

    symbol: str
    interval: Interval
    first: datetime
    last: datetime


@dataclass(frozen=True)
class RangeVersion:
    """A state of some candles: while the version is the same, they are."""

    candles: int
    corrections: int


@dataclass(frozen=True)
class SeriesVersion:
    """The state of a range, and of everything from its first candle on."""

    inside: RangeVersion
    onwards: RangeVersion


class SeriesStore(Protocol):
    """Market data. Every method raises RetryLater if the store can't be reached."""

    def write_candles(
        self,
        symbol: str,
        interval: Interval,
        candles: Sequence[Candle],
        *,
        source: str,
        received_at: datetime,
    ) -> CandleWrite:
        """Insert, or replace where the values differ, in one transaction.

        What a recorded gap of the venue's said was missing, and comes now, is no gap any more.

        Parameters
        ----------
        source
            ``rest``, ``stream``, ``archive``, or ``aggregated`` (made here of shorter candles).
        """
        ...

    def write_batches(self, batches: Sequence[CandleBatch]) -> list[CandleWrite]:
        """As `write_candles` does with each of them in turn, in as few requests as the store allows.

        What each changed is told as if they had come one by one. Killed halfway, the same call finishes the work: so
        no candle may stand in two of the batches (a correction isn't sent with what it corrects).
        """
        ...

    def candles(
        self,
        symbol: str,
        interval: Interval,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        newest: int | None = None,
    ) -> list[Candle]:
        """Candles with start <= open_time < end, ascending, exact decimals; only the `newest` so many if given."""
        ...

    def candle_frame(
        self, symbol: str, interval: Interval, *, end: datetime | None = None, newest: int | None = None
    ) -> pd.DataFrame:
        """The same for computing: float64 columns open, high, low, close, volume.

        The index is named open_time: unique, ascending, ``datetime64[ns, UTC]``. Empty frames have the same dtypes.
        """
        ...

    def newest_open_time(self, symbol: str, interval: Interval) -> datetime | None:
        """Open time of the newest stored candle."""
        ...

    def open_times(self, symbol: str, interval: Interval, *, newest: int) -> list[datetime]:
        """Open times of the newest so many candles, ascending."""
        ...

    def count_candles(self, symbol: str, interval: Interval) -> int:
        """Number of stored candles."""
        ...

    def versions(self, ranges: Sequence[CandleRange]) -> list[SeriesVersion]:
        """The state of each range, in one question."""
        ...

    def candles_per_day(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> dict[date, int]:
        """Number of stored candles per day (UTC) that has any, ascending, of those with start <= open_time < end."""
        ...

    def sources(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> dict[datetime, str]:
        """Where each stored candle with start <= open_time < end came from, ascending."""
        ...

    def missing_candles(self, symbol: str, interval: Interval, *, start: datetime) -> list[Gap]:
        """Holes between stored candles, ascending, that reach beyond `start`; the venue's own are among them."""
        ...

    def known_gaps(
        self, symbol: str, interval: Interval, *, start: datetime | None = None, end: datetime | None = None
    ) -> list[Gap]:
        """Recorded gaps of the venue's own that touch start <= open_time < end, whole and ascending."""
        ...

    def record_gaps(
        self,
        symbol: str,
        interval: Interval,
        gaps: Sequence[Gap],
        *,
        start: datetime,
        end: datetime,
        confirmed_at: datetime,
    ) -> None:
        """Record that of start <= open_time < end the venue lacks `gaps` and nothing else.

        This replaces what was recorded of that range. Candles that are stored are never recorded as missing.
        """
        ...

    def write_tickers(self, tickers: Sequence[Ticker]) -> None:
        """Replace the latest ticker of each symbol (an older one never replaces a newer one)."""
        ...

    def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Latest ticker per symbol; symbols without one are missing."""
        ...

    def forget_tickers(self, beyond: datetime) -> None:
        """Drop prices whose venue time is later than that: a clock was wrong, and they would keep newer ones out."""
        ...

    def write_indicators(self, symbol: str, interval: Interval, rows: Mapping[datetime, Mapping[str, float]]) -> None:
        """Insert or replace indicator values per open time; NaN values are left out."""
        ...

    def indicators(self, symbol: str, interval: Interval, *, newest: int) -> dict[datetime, dict[str, float]]:
        """Indicator values of the newest so many rows, ascending."""
        ...

    def prune_indicators(self, before: datetime) -> int:
        """Drop the values of candles that opened before that; how many rows. They can be computed again."""
        ...

    def save_metrics(self, points: Sequence[MetricPoint]) -> None:
        """Insert, or replace where name, subject and time are the same."""
        ...

    def metrics(self, name: MetricName, *, since: datetime) -> list[MetricPoint]:
        """Points with since <= at, ascending by time, then subject."""
        ...

    def prune_metrics(self, before: datetime) -> int:
        """Drop the points of before that; how many."""
        ...
