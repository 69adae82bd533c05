"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from trading_platform.domain.errors import FixSettings


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its name when the block ends well.

    Each has a draft of its own: of two that write the same file at once, the last to end is the one that stays.

    Raises
    ------
    FixSettings
        If nothing can be written there.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.touch(exist_ok=False)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        draft.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> FixSettings:
    return FixSettings(f"{path} can't be written ({error.strerror or error}); name another file")
