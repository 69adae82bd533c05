"""How far a move from one store to another has come, in a JSON file."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

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
        self._record, self._move = record, move

    def done_until(self, symbol: str, interval: Interval) -> datetime | None:
        """Candles that opened before it are moved and verified."""
        known = self._read().get(self._key(symbol, interval))
        return datetime.fromisoformat(known) if known else None

    def note(self, symbol: str, interval: Interval, until: datetime) -> None:
        """Remember it."""
        self._write(self._read() | {self._key(symbol, interval): until.isoformat()})

    def finish(self, symbol: str, interval: Interval) -> None:
        """Forget the series' position."""
        known = self._read()
        if known.pop(self._key(symbol, interval), None) is not None:
            self._write(known)

    def _key(self, symbol: str, interval: Interval) -> str:
        return f"{self._move}|{symbol}|{interval}"

    def _read(self) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads(self._record.read_text())
        except (OSError, ValueError):  # nothing is lost: what is moved again changes nothing
            return {}
        return known

    def _write(self, known: dict[str, str]) -> None:
        draft = self._record.with_name(f".{self._record.name}.part")
        draft.write_text(json.dumps(known))
        draft.replace(self._record)
