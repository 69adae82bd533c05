"""Roles around files of candles: writing one, and remembering how far an interrupted import came."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from trading_platform.domain.candle import Candle, Interval


class CandleFile(Protocol):
    """A file that is being written; it appears under its name, whole, when the writing ends well."""

    def append(self, candles: Sequence[Candle]) -> None:
        """Add candles, exact to the last digit.

        Raises
        ------
        FixSettings
            If a value doesn't fit into the format, or the file can't be written.
        """
        ...


class CandleFileFormat(Protocol):
    """How a file of candles is written."""

    def create(self, path: Path, symbol: str, interval: Interval) -> AbstractContextManager[CandleFile]:
        """Begin a file.

        Raises
        ------
        FixSettings
            If it can't be written there.
        """
        ...


class ImportProgress(Protocol):
    """Rows of each file that are stored for certain; a file that has changed since is a new one."""

    def rows_done(self, path: Path) -> int:
        """0 for a file whose import hasn't begun, or has ended."""
        ...

    def note(self, path: Path, rows: int) -> None:
        """Remember so many."""
        ...

    def finish(self, path: Path) -> None:
        """Forget the file: its import has ended."""
        ...
