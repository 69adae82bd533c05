"""States of the streams in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.stream import CLOCK_SET_BACK, StreamChange, StreamState, StreamStatus

_BEING_RECOVERED = (StreamState.STALE, StreamState.CONNECTING)


class FakeStreamJournal:
    """Fills the role `StreamJournal`."""

    def __init__(self) -> None:
        self._statuses: dict[str, StreamStatus] = {}
        self._changes: list[StreamChange] = []
        self.is_down = False

    def record(self, statuses: Sequence[StreamStatus]) -> None:
        """Replace the status of each symbol, one after the other."""
        self._answer()
        for status in statuses:
            known = self._statuses.get(status.symbol)
            if known is not None and known.heartbeat_at - CLOCK_SET_BACK <= status.heartbeat_at < known.heartbeat_at:
                continue
            if known is not None and known.state is StreamState.FALLBACK and status.state in _BEING_RECOVERED:
                told = replace(status, state=known.state, reason=known.reason, since=known.since)
            else:
                told = status
            self._put(told)

    def mark_fallback(self, reasons: Mapping[str, str], at: datetime, heartbeat_limit_seconds: float) -> list[str]:
        """Note that REST serves these symbols."""
        self._answer()
        marked = []
        for symbol in sorted(reasons):
            known = self._statuses.get(symbol)
            if known is None or known.state in (StreamState.FALLBACK, StreamState.CLOSED):
                continue
            if not known.is_live(at, heartbeat_limit_seconds):
                self._put(replace(known, state=StreamState.FALLBACK, reason=reasons[symbol], since=at))
                marked.append(symbol)
        return marked

    def statuses(self) -> Mapping[str, StreamStatus]:
        """Newest status per symbol."""
        self._answer()
        return dict(sorted(self._statuses.items()))

    def changes(self, limit: int, symbol: str | None = None) -> list[StreamChange]:
        """Newest changes first."""
        self._answer()
        return [change for change in reversed(self._changes) if symbol in (None, change.symbol)][:limit]

    def prune(self, before: datetime) -> int:
        """Drop changes older than that; how many rows."""
        self._answer()
        rows = len(self._changes)
        self._changes = [change for change in self._changes if change.at >= before]
        return rows - len(self._changes)

    def _put(self, status: StreamStatus) -> None:
        known = self._statuses.get(status.symbol)
        self._statuses[status.symbol] = status
        before = None if known is None else known.state
        if before is not status.state:
            self._changes.append(StreamChange(status.symbol, before, status.state, status.reason, status.since))

    def _answer(self) -> None:
        if self.is_down:
            raise RetryLater("the journal can't be reached")
