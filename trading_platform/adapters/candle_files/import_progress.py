"""How far interrupted imports came, in a JSON file."""

from __future__ import annotations

from pathlib import Path

from trading_platform.adapters.json_record import JsonRecord
from trading_platform.domain.errors import FixSettings


class JsonImportProgress:
    """Fills the role `ImportProgress`.

    A file is known by its path, size and time of change: another file under the same name begins anew.

    Parameters
    ----------
    record
        The JSON file; it needn't exist.
    store
        Which database the rows went to: of another one nothing is known.
    """

    def __init__(self, record: Path, store: str) -> None:
        self._record = JsonRecord(record)
        self._store = store

    def rows_done(self, path: Path) -> int:
        """0 for a file whose import hasn't begun, or has ended."""
        return int(self._record.get(self._key(path)) or 0)

    def note(self, path: Path, rows: int) -> None:
        """Remember so many."""
        self._record.put(self._key(path), rows)

    def finish(self, path: Path) -> None:
        """Forget the file."""
        self._record.forget(self._key(path))

    def _key(self, path: Path) -> str:
        try:
            seen = path.stat()
        except OSError as error:
            raise FixSettings(f"{path} can't be read ({error.strerror})") from None
        return f"{self._store}|{path.resolve()}|{seen.st_size}|{seen.st_mtime_ns}"
