"""What goes wrong beside an exit is told after the exit is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater, TransitionForbidden

log = structlog.get_logger()


@contextmanager
def exits_first(troubles: list[PlatformError]) -> Iterator[None]:
    """Keep what goes wrong until the exits are made: no trouble elsewhere is a reason not to sell (I7).

    Nor is what the venue tells of one order and can't be true of it.
    """
    try:
        yield
    except (FixSettings, RetryLater, TransitionForbidden) as trouble:
        log.error("exits_go_first", why=str(trouble))
        troubles.append(trouble)
