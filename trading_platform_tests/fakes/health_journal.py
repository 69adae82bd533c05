"""Checks, incidents and the outbox in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from trading_platform.domain.check import CheckName, CheckResult, FailingCheck, Incident, Notification, Severity
from trading_platform.domain.errors import RetryLater


@dataclass
class _Outgoing:
    notification: Notification
    delivered_at: datetime | None = None


class FakeHealthJournal:
    """Fills the role `HealthJournal`; `changes` is the history of checks that came out differently."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str, CheckName], CheckResult] = {}
        self._since: dict[tuple[str, str, CheckName], datetime] = {}
        self._incidents: list[Incident] = []
        self._outbox: list[_Outgoing] = []
        self._numbers = count(1)
        self.changes: list[CheckResult] = []
        self.is_down = False

    def record_checks(self, results: Sequence[CheckResult]) -> None:
        """Keep the newest result per check and series, and the changes."""
        self._answer()
        ordered = sorted(results, key=lambda result: result.checked_at)
        for key, result in {(r.symbol, r.interval, r.name): r for r in ordered}.items():
            known = self._latest.get(key)
            if known is not None and result.checked_at < known.checked_at:
                continue
            self._latest[key] = result
            if known is None or _verdict(known) != _verdict(result):
                self._since[key] = result.checked_at
                self.changes.append(result)

    def latest_checks(self, symbol: str, interval: str) -> Mapping[CheckName, CheckResult]:
        """Newest result of each check of the series."""
        self._answer()
        return {name: result for (s, i, name), result in self._latest.items() if (s, i) == (symbol, interval)}

    def failing_checks(self) -> list[FailingCheck]:
        """Checks whose newest result failed, the longest standing first."""
        self._answer()
        failing = [FailingCheck(r, self._since[key]) for key, r in sorted(self._latest.items()) if not r.passed]
        return sorted(failing, key=lambda each: each.since)

    def open_incident(self, key: str, title: str, summary: str, at: datetime) -> bool:
        """Open it and put the notification into the outbox; False if it was open already, which renews its summary."""
        for incident in self.open_incidents():
            if incident.key == key:
                self._incidents[self._incidents.index(incident)] = replace(incident, summary=summary)
                return False
        self._incidents.append(Incident(key, summary, at))
        self._notify(title, summary, at)
        return True

    def close_incident(self, key: str, title: str, summary: str, at: datetime) -> bool:
        """Close it and put the all-clear into the outbox; False if none was open."""
        for incident in self.open_incidents():
            if incident.key == key:
                self._incidents[self._incidents.index(incident)] = replace(incident, closed_at=at)
                self._notify(title, summary, at)
                return True
        return False

    def open_incidents(self) -> list[Incident]:
        """What is wrong now, oldest first."""
        self._answer()
        return sorted((i for i in self._incidents if i.closed_at is None), key=lambda incident: incident.opened_at)

    def undelivered(self, limit: int) -> list[Notification]:
        """Notifications that wait, oldest first."""
        self._answer()
        return [out.notification for out in self._outbox if out.delivered_at is None][:limit]

    def mark_delivered(self, notification_id: int, at: datetime) -> None:
        """It reached every channel."""
        self._answer()
        for out in self._outbox:
            if out.notification.notification_id == notification_id and out.delivered_at is None:
                out.delivered_at = at

    def prune(self, before: datetime) -> int:
        """Drop delivered notifications, closed incidents and history older than that."""
        self._answer()
        rows = len(self._outbox) + len(self._incidents) + len(self.changes)
        self._outbox = [out for out in self._outbox if out.delivered_at is None or out.delivered_at >= before]
        self._incidents = [i for i in self._incidents if i.closed_at is None or i.closed_at >= before]
        self.changes = [change for change in self.changes if change.checked_at >= before]
        return rows - len(self._outbox) - len(self._incidents) - len(self.changes)

    def _notify(self, title: str, body: str, at: datetime) -> None:
        self._outbox.append(_Outgoing(Notification(next(self._numbers), title, body, at)))

    def _answer(self) -> None:
        if self.is_down:
            raise RetryLater("the journal can't be reached")


def _verdict(result: CheckResult) -> Severity | None:
    return None if result.passed else result.severity
