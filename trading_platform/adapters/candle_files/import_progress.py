"""How far interrupted imports came, in a JSON file."""

from __future__ import annotations

import json
from pathlib import Path

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
        self._record = record
        self._store = store

    def rows_done(self, path: Path) -> int:
        """0 for a file whose import hasn't begun, or has ended."""
        return self._read().get(self._key(path), 0)

    def note(self, path: Path, rows: int) -> None:
        """Remember so many."""
        self._write(self._read() | {self._key(path): rows})

    def finish(self, path: Path) -> None:
        """Forget the file."""
        known = self._read()
        if known.pop(self._key(path), None) is not None:
            self._write(known)

    def _key(self, path: Path) -> str:
        try:
            seen = path.stat()
        except OSError as error:
            raise FixSettings(f"{path} can't be read ({error.strerror})") from None
        return f"{self._store}|{path.resolve()}|{seen.st_size}|{seen.st_mtime_ns}"

    def _read(self) -> dict[str, int]:
        try:
            known: dict[str, int] = json.loads(self._record.read_text())
        except (OSError, ValueError):  # nothing is lost: what is imported again changes nothing
            return {}
        return known

    def _write(self, known: dict[str, int]) -> None:
        draft = self._record.with_name(f".{self._record.name}.part")
        draft.write_text(json.dumps(known))
        draft.replace(self._record)
