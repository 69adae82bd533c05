"""Role: keeping what is to be written to a remote series store until the store has confirmed it.

Every write is numbered here before it is sent, and writes are sent in the order of their numbers: those that are
confirmed are always the first ones. What is confirmed is kept for a while, so that a process whose memory of the store
is a little old can bring it up to date while the store is away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trading_platform.domain.candle import Interval
from trading_platform.domain.store_write import StoreWrite
from trading_platform.ports.series_store import CandleWrite


@dataclass(frozen=True)
class Spooled:
    """A numbered write."""

    number: int
    write: StoreWrite


@dataclass(frozen=True)
class SpoolState:
    """How much waits.

    Parameters
    ----------
    confirmed
        Number of the last write of which it is certain that the store has it, and all before it.
    rows, points
        Writes that wait, and the points in them.
    oldest_at
        Wall clock, when the oldest of them was accepted.
    bound_points
        Beyond so many points nothing more is accepted.
    refused
        Writes that the store will never take, set aside.
    """

    confirmed: int
    rows: int
    points: int
    oldest_at: datetime | None
    bound_points: int
    refused: int = 0


class Replay(Protocol):
    """The right to send what waits, while no other process has it."""

    def first(self) -> Sequence[Spooled]:
        """The first writes that wait, in order; empty when none does."""
        ...

    def confirm(self, through: int, results: Mapping[int, CandleWrite] | None = None) -> None:
        """The store has this one and all before it; `results` are what writing candles changed, by number."""
        ...

    def refuse(self, number: int, why: str, *, is_told: bool) -> None:
        """The store will never take this one, the first that waits: the others go on without it.

        Parameters
        ----------
        is_told
            Who wrote it learns of it and keeps it; otherwise it is set aside, with the reason.
        """
        ...


class StoreSpool(Protocol):
    """Numbered writes. Every method raises RetryLater if they can't be reached."""

    def append(self, write: StoreWrite, at: datetime) -> int:
        """Accept a write, on disk when this returns; its number.

        Raises
        ------
        RetryLater
            If the bound is reached. Prices and metrics are refused earlier than the rest, to leave room for candles.
        """
        ...

    def since(
        self, number: int, *, series: tuple[str, Interval] | None = None, kind: type[StoreWrite] | None = None
    ) -> list[Spooled]:
        """Writes after that number, in order, confirmed ones too; only those of the series or kind if given.

        Raises
        ------
        RetryLater
            If some of them aren't kept any more.
        """
        ...

    def result(self, number: int) -> CandleWrite | None:
        """What writing these candles changed, as far as it is confirmed and still kept."""
        ...

    def replaying(self) -> AbstractContextManager[Replay]:
        """Wait a little for the right to send.

        Raises
        ------
        RetryLater
            If another process has it, and keeps it.
        """
        ...

    def state(self) -> SpoolState:
        """How much waits."""
        ...
