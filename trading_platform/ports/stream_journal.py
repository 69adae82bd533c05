"""Role: remembering the state of each symbol's stream, for all processes to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from trading_platform.domain.stream import StreamChange, StreamStatus


class StreamJournal(Protocol):
    """States of the streams and their history. Every method raises RetryLater if it can't be reached."""

    def record(self, statuses: Sequence[StreamStatus]) -> None:
        """Replace the status of each symbol (an older heartbeat never replaces a newer one); a change of state is kept
        in the history, in the same transaction."""
        ...

    def statuses(self) -> Mapping[str, StreamStatus]:
        """Newest status per symbol."""
        ...

    def changes(self, limit: int, symbol: str | None = None) -> list[StreamChange]:
        """Newest changes first."""
        ...
