"""Role: a series store as a move reads and fills it. The stores fill it, not what stands before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.series_store import SeriesStore


@dataclass(frozen=True)
class Arrived:
    """A candle with where it came from, and when it was received."""

    candle: Candle
    source: str
    received_at: datetime


@dataclass(frozen=True)
class CandleRecord:
    """A candle as a store keeps it.

    Parameters
    ----------
    revision
        How often it was corrected.
    earlier
        What it was before, by the revision that it had, as far as that was kept.
    """

    now: Arrived
    revision: int
    earlier: tuple[tuple[int, Arrived], ...] = ()


class MovableStore(SeriesStore, Protocol):
    """Everything that a store keeps of candles. Every method raises RetryLater if the store can't be reached."""

    def candle_records(self, symbol: str, interval: Interval, *, start: datetime, end: datetime) -> list[CandleRecord]:
        """Those with start <= open_time < end, ascending."""
        ...

    def take_records(self, symbol: str, interval: Interval, records: Sequence[CandleRecord]) -> None:
        """Keep them as they are, in place of what is there; doing it again changes nothing.

        That a gap has ended, and that a candle was corrected, isn't noted: the records say what there is to know.
        """
        ...
