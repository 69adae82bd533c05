"""A small JSON object in a file, of which nothing depends: what is lost is only done again."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any


class JsonRecord:
    """Values by key; the file needn't exist, is replaced as a whole, and counts as empty where it can't be read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, key: str) -> Any:
        """The value; None if there is none."""
        return self._read().get(key)

    def put(self, key: str, value: int | str) -> None:
        """Remember it."""
        self._write(self._read() | {key: value})

    def forget(self, key: str) -> None:
        """Remove the key."""
        known = self._read()
        if known.pop(key, None) is not None:
            self._write(known)

    def _read(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, known: dict[str, Any]) -> None:
        draft = self._file.with_name(f".{self._file.name}.part")
        # another process may have taken the draft for its own, or the disk be full: what counts on the record does not
        with suppress(OSError):
            draft.write_text(json.dumps(known))
            draft.replace(self._file)
