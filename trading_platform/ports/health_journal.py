"""Role: remembering what was checked, what is wrong, and what the owner must still be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from trading_platform.domain.check import CheckName, CheckResult, FailingCheck, Incident, Notification


class HealthJournal(Protocol):
    """Checks, incidents and the outbox of notifications. Raises RetryLater if it can't be reached."""

    def record_checks(self, results: Sequence[CheckResult]) -> None:
        """Keep the newest result per check, symbol and interval, and a bounded history of changes.

        A change is another `passed`, or, while it fails, another `severity`.
        """
        ...

    def latest_checks(self, symbol: str, interval: str) -> Mapping[CheckName, CheckResult]:
        """Newest result of each check of the series."""
        ...

    def failing_checks(self) -> list[FailingCheck]:
        """Checks whose newest result failed, the longest standing first."""
        ...

    def open_incident(self, key: str, title: str, summary: str, at: datetime) -> bool:
        """Open it and put the notification into the outbox, in one transaction.

        Returns
        -------
        bool
            False if it was open already: then it takes the newer summary, and nobody is notified again.
        """
        ...

    def close_incident(self, key: str, title: str, summary: str, at: datetime) -> bool:
        """Close it and put the all-clear into the outbox; False if none was open."""
        ...

    def open_incidents(self) -> list[Incident]:
        """What is wrong now, oldest first."""
        ...

    def undelivered(self, limit: int) -> list[Notification]:
        """Notifications that wait, oldest first."""
        ...

    def mark_delivered(self, notification_id: int, at: datetime) -> None:
        """It reached every channel."""
        ...

    def prune(self, before: datetime) -> int:
        """Drop delivered notifications, closed incidents and history older than that; how many rows."""
        ...
