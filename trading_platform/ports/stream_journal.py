"""Role: remembering the state of each symbol's stream, for all processes to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from trading_platform.domain.stream import StreamChange, StreamStatus


class StreamJournal(Protocol):
    """States of the streams and their history. Every method raises RetryLater if it can't be reached."""

    def record(self, statuses: Sequence[StreamStatus]) -> None:
        """Replace the status of each symbol (an older heartbeat never replaces a newer one); a change of state is kept
        in the history, in the same transaction.

        Several statuses of one symbol are taken in their order. A symbol that REST serves stays FALLBACK while its
        stream is stale or connecting: only the heartbeat and the counts are replaced then.
        """
        ...

    def mark_fallback(self, reasons: Mapping[str, str], at: datetime, heartbeat_limit_seconds: float) -> list[str]:
        """Note that REST serves these symbols since `at`, with the reason of each; which ones weren't FALLBACK before.

        A symbol that has become live meanwhile, or is closed, stays as it is; so does one that was never recorded.
        """
        ...

    def statuses(self) -> Mapping[str, StreamStatus]:
        """Newest status per symbol."""
        ...

    def changes(self, limit: int, symbol: str | None = None) -> list[StreamChange]:
        """Newest changes first."""
        ...

    def prune(self, before: datetime) -> int:
        """Drop changes older than that; how many rows."""
        ...
