"""Telling the owner that the database is gone: incidents and outbox are kept in it, so these messages go round it."""

from __future__ import annotations

from datetime import datetime, timedelta

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.notifier import Notifier


class DatabaseWatch:
    """Remembers since when the database has been silent, and whether the owner knows.

    Parameters
    ----------
    patience_seconds
        A restart of the server is no outage yet.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience = timedelta(seconds=patience_seconds)
        self._silent_since: datetime | None = None
        self._is_told = False

    def look(self, journal: HealthJournal, notifier: Notifier, clock: Clock) -> bool:
        """Look once; tell of an outage and of its end, once each. Whether the database answers.

        Raises
        ------
        RetryLater
            If no channel takes the message; the next look tries again.
        """
        wall = clock.wall()
        try:
            journal.undelivered(1)
        except RetryLater as silence:
            self._silent_since = self._silent_since or wall
            if not self._is_told and wall - self._silent_since >= self._patience:
                notifier.send("The database doesn't answer", f"Nothing is traded until it does. {silence}")
                self._is_told = True
            return False
        if self._is_told:
            notifier.send("The database answers again", f"It was silent since {self._silent_since:%H:%M:%S} UTC.")
        self._silent_since, self._is_told = None, False
        return True
