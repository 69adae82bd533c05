"""How far a move from one store to another has come, in a JSON file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from trading_platform.adapters.json_record import JsonRecord
from trading_platform.domain.candle import Interval


class JsonMigrationProgress:
    """Fills the role `MigrationProgress`.

    Parameters
    ----------
    record
        The JSON file; it needn't exist.
    move
        Which store's rows go to which: of another move nothing is known.
    """

    def __init__(self, record: Path, move: str) -> None:
        self._record, self._move = JsonRecord(record), move

    def done_until(self, symbol: str, interval: Interval) -> datetime | None:
        """Candles that opened before it are moved and verified."""
        known = self._record.get(self._key(symbol, interval))
        return datetime.fromisoformat(known) if known else None

    def note(self, symbol: str, interval: Interval, until: datetime) -> None:
        """Remember it."""
        self._record.put(self._key(symbol, interval), until.isoformat())

    def finish(self, symbol: str, interval: Interval) -> None:
        """Forget the series' position."""
        self._record.forget(self._key(symbol, interval))

    def _key(self, symbol: str, interval: Interval) -> str:
        return f"{self._move}|{symbol}|{interval}"
