"""Whether a venue's endpoints, or a store, are asked, or left alone because they didn't answer."""

from __future__ import annotations

from collections.abc import Sequence
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
    """One process's word on one group of a venue's endpoints, or on a store; all times are of the wall clock.

    Parameters
    ----------
    venue
        Or the store: who is asked.
    group
        Of the venue's endpoints; None for a store, which is asked as a whole.
    process
        Name in the table of processes.
    state
        CLOSED or OPEN as it was noted; HALF_OPEN is what `seen_at` makes of an open one whose pause is over.
    reason
        What it did last, in plain words.
    since
        When it came into that state; failed probes change nothing of it.
    noted_at
        When this was noted: an open circuit is noted again with every probe that failed.
    retry_at
        When the next probe is due; None while it is closed.
    """

    venue: str
    group: RequestGroup | None
    process: str
    state: CircuitState
    reason: str
    since: datetime
    noted_at: datetime
    retry_at: datetime | None = None

    @property
    def about(self) -> str:
        """What is asked or left alone, in plain words."""
        return self.venue if self.group is None else f"{self.group.replace('_', ' ')} of {self.venue}"

    def seen_at(self, wall: datetime) -> Circuit:
        """The same, half open if a probe is due."""
        if self.state is CircuitState.OPEN and self.retry_at is not None and wall >= self.retry_at:
            return replace(self, state=CircuitState.HALF_OPEN)
        return self


def current(circuits: Sequence[Circuit], wall: datetime) -> list[Circuit]:
    """The words that still count, as they are seen now: those of closed circuits, and of open ones that stand.

    An open one doesn't when its word is old, or when another process has been answered since: then the venue is back,
    and this process only hasn't wanted anything yet.
    """
    return [
        each.seen_at(wall) for each in circuits if each.state is CircuitState.CLOSED or _stands(each, circuits, wall)
    ]


def left_alone(circuits: Sequence[Circuit]) -> list[Circuit]:
    """Those that aren't closed."""
    return [each for each in circuits if each.state is not CircuitState.CLOSED]


def _stands(circuit: Circuit, others: Sequence[Circuit], wall: datetime) -> bool:
    is_answered = any(
        other.state is CircuitState.CLOSED
        and (other.venue, other.group) == (circuit.venue, circuit.group)
        and other.noted_at > circuit.noted_at
        for other in others
    )
    return not is_answered and wall - circuit.noted_at <= WORD_LIFETIME
