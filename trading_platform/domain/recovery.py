"""How a stale stream is brought back: gentle steps first, each after a longer wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_JITTER = 0.4


class RecoveryStep(StrEnum):
    """Steps of the ladder, in their order; the values complete "data again after …"."""

    RESUBSCRIBE = "resubscribing"
    NEW_SOCKET = "a new socket"
    NEW_CLIENT = "a new client"
    RESTART = "a restart of the process"


@dataclass(frozen=True)
class Patience:
    """How long to wait between steps.

    Parameters
    ----------
    first_wait_seconds, longest_wait_seconds
        Doubled with each step.
    restart_after_seconds
        How long every stream must have been silent until the process itself is suspected.
    """

    first_wait_seconds: float
    longest_wait_seconds: float
    restart_after_seconds: float


class RecoveryLadder:
    """The steps of one symbol.

    While other symbols live, the client and the process are well: no step beyond a new socket is taken then.

    Parameters
    ----------
    random
        Numbers from 0 to 1 that spread the waits, so that many clients don't come back at the same moment.
    """

    def __init__(self, patience: Patience, random: Callable[[], float]) -> None:
        self._patience = patience
        self._random = random
        self._steps_taken = 0
        self._next_at = float("-inf")
        self._began_at: float | None = None

    def due(self, seconds: float, *, all_silent: bool) -> RecoveryStep | None:
        """The step to take now, if it is time for one; `seconds` is monotonic."""
        if self._began_at is None:
            self._began_at = seconds
        if seconds < self._next_at:
            return None
        step = self._step(seconds - self._began_at, all_silent=all_silent)
        wait = min(self._patience.first_wait_seconds * 2**self._steps_taken, self._patience.longest_wait_seconds)
        self._next_at = seconds + wait * (1 - _JITTER / 2 + _JITTER * self._random())
        self._steps_taken = min(self._steps_taken + 1, 30)
        return step

    def recovered(self) -> None:
        """Data flows: the next trouble begins with the first step."""
        self._steps_taken, self._next_at, self._began_at = 0, float("-inf"), None

    def _step(self, lasted_seconds: float, *, all_silent: bool) -> RecoveryStep:
        if self._steps_taken == 0:
            return RecoveryStep.RESUBSCRIBE
        if self._steps_taken == 1 or not all_silent:
            return RecoveryStep.NEW_SOCKET
        if lasted_seconds >= self._patience.restart_after_seconds:
            return RecoveryStep.RESTART
        return RecoveryStep.NEW_CLIENT
