"""How long something has been so, for watches that tell of it only when it lasts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta


class Standing:
    """Remembers, by key, since when it has been seen at every look.

    Parameters
    ----------
    patience_seconds
        How long it must stand before it is told.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience = timedelta(seconds=patience_seconds)
        self._since: dict[str, datetime] = {}

    def look(self, keys: Collection[str], wall: datetime) -> dict[str, datetime]:
        """Take a look at which those keys stand; those that have stood for long enough, and since when."""
        self._since = {key: self._since.get(key, wall) for key in keys}
        return {key: since for key, since in self._since.items() if wall - since >= self._patience}
