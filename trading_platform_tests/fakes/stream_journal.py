"""States of streams in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.stream import StreamChange, StreamStatus


class FakeStreamJournal:
    """Fills the role `StreamJournal`."""

    def __init__(self) -> None:
        self._statuses: dict[str, StreamStatus] = {}
        self._changes: list[StreamChange] = []
        self.is_down = False

    def record(self, statuses: Sequence[StreamStatus]) -> None:
        """Replace the status of each symbol, unless it is newer; keep the changes of state."""
        self._answer()
        for status in statuses:
            known = self._statuses.get(status.symbol)
            if known is not None and known.heartbeat_at > status.heartbeat_at:
                continue
            self._statuses[status.symbol] = status
            before = known.state if known else None
            if before is not status.state:
                change = StreamChange(status.symbol, before, status.state, status.reason, status.since)
                self._changes.append(change)

    def statuses(self) -> Mapping[str, StreamStatus]:
        """Newest status per symbol."""
        self._answer()
        return dict(self._statuses)

    def changes(self, limit: int, symbol: str | None = None) -> list[StreamChange]:
        """Newest changes first."""
        self._answer()
        return [change for change in reversed(self._changes) if symbol in (None, change.symbol)][:limit]

    def _answer(self) -> None:
        if self.is_down:
            raise RetryLater("the journal can't be reached")
