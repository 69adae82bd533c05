"""What goes wrong beside an exit is told after the exit is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater

log = structlog.get_logger()


@contextmanager
def exits_first(troubles: list[PlatformError]) -> Iterator[None]:
    """Keep what goes wrong until the exits are made: no trouble elsewhere is a reason not to sell (I7)."""
    try:
        yield
    except (FixSettings, RetryLater) as trouble:
        log.error("exits_go_first", why=str(trouble))
        troubles.append(trouble)
