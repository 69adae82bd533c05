"""Role: moving a recorded market on, candle by candle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class ReplayPosition:
    """Where the venue's clock stands, and whether the recording has ended there."""

    now: datetime
    finished: bool


class Replay(Protocol):
    """A market that stands still between steps. Every method raises RetryLater if it doesn't answer."""

    def position(self) -> ReplayPosition:
        """Where the market stands."""
        ...

    def step(self, expected: datetime) -> ReplayPosition:
        """Close one more candle, if the market stands at `expected`; otherwise only tell where it stands.

        So a step that was made but whose answer was lost isn't made twice.
        """
        ...
