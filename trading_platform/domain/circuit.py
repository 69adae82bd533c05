"""Whether a group of the venue's endpoints is asked, or left alone because it didn't answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from trading_platform.domain.request_limits import RequestGroup

WORD_LIFETIME = timedelta(minutes=2)
"""An open circuit is tried again within seconds as long as anybody wants something: an older word says nothing."""


class CircuitState(StrEnum):
    """Asked freely, not asked at all, or asked once to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Circuit:
    """One process's word on one group of a venue's endpoints; all times are of the wall clock.

    Parameters
    ----------
    process
        Name in the table of processes.
    state
        CLOSED or OPEN as it was noted; HALF_OPEN is what `seen_at` makes of an open one whose pause is over.
    reason
        What the venue did last, in plain words.
    since
        When it came into that state; failed probes change nothing of it.
    noted_at
        When this was noted: an open circuit is noted again with every probe that failed.
    retry_at
        When the next probe is due; None while it is closed.
    """

    venue: str
    group: RequestGroup
    process: str
    state: CircuitState
    reason: str
    since: datetime
    noted_at: datetime
    retry_at: datetime | None = None

    def seen_at(self, wall: datetime) -> Circuit:
        """The same, half open if a probe is due."""
        if self.state is CircuitState.OPEN and self.retry_at is not None and wall >= self.retry_at:
            return replace(self, state=CircuitState.HALF_OPEN)
        return self

    def stands_open(self, wall: datetime) -> bool:
        """Whether the group is being left alone, by a word that is young enough."""
        return self.state is not CircuitState.CLOSED and wall - self.noted_at <= WORD_LIFETIME
