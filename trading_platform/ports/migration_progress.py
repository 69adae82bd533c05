"""Role: remembering how far a move from one store to another has come."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from trading_platform.domain.candle import Interval


class MigrationProgress(Protocol):
    """Positions of series, of one move between the same two stores."""

    def done_until(self, symbol: str, interval: Interval) -> datetime | None:
        """Candles that opened before it are moved and verified; None if none are, or the whole series was."""
        ...

    def note(self, symbol: str, interval: Interval, until: datetime) -> None:
        """Remember it."""
        ...

    def finish(self, symbol: str, interval: Interval) -> None:
        """The series is moved: forget its position."""
        ...
