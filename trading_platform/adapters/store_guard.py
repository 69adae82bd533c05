"""Leaving a store alone that doesn't answer, or answers too slowly."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trading_platform.adapters.circuit_breaker import CircuitBreaker
from trading_platform.adapters.circuit_notes import CircuitNotes
from trading_platform.domain.circuit import CircuitState
from trading_platform.domain.errors import PlatformError, RefusedByStore, RetryLater

INFLUXDB = "InfluxDB"
FAILURES_TO_OPEN = 2  # the store's client has tried each time again already
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0


class StoreGuard:
    """A circuit breaker around every question to a store, in one process.

    Parameters
    ----------
    name
        Of the store, for messages and the log.
    monotonic_seconds, chance
        The time, and numbers from 0 to 1; tests pass their own.
    notes
        Where the other processes see what this one's circuit does; None: nowhere.
    """

    def __init__(
        self,
        name: str,
        monotonic_seconds: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        notes: CircuitNotes | None = None,
    ) -> None:
        self._name, self._now = name, monotonic_seconds
        self._breaker = CircuitBreaker(
            name, FAILURES_TO_OPEN, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, monotonic_seconds, chance
        )
        self._notes = notes
        self._trouble = ""

    @property
    def state(self) -> CircuitState:
        """Of the circuit."""
        return self._breaker.state

    @property
    def trouble(self) -> str:
        """Why the store was last said not to answer; empty while it does."""
        return self._trouble

    @contextmanager
    def asking(self, patience_seconds: float = float("inf")) -> Iterator[None]:
        """Ask inside; errors of the store pass, and count.

        Parameters
        ----------
        patience_seconds
            An answer that takes longer is used, and counts as none.

        Raises
        ------
        RetryLater
            At once, if the store is to be left alone.
        """
        if self._breaker.admit() > 0:
            raise RetryLater(f"{self._name} is left alone for a moment: {self._trouble}")
        begun, is_judged = self._now(), False
        try:
            yield
            is_judged = True
            self._judge(self._now() - begun, patience_seconds)
        except RefusedByStore:
            is_judged = True
            self._judge(0.0, patience_seconds)
            raise
        except PlatformError as silence:
            is_judged = True
            self._silent(str(silence))
            raise
        finally:
            if not is_judged:
                self._breaker.withdraw()

    def _judge(self, seconds: float, patience_seconds: float) -> None:
        if seconds > patience_seconds:
            self._silent(f"{self._name} took {seconds:.1f} s to answer")
            return
        self._trouble = ""
        self._breaker.answered()
        if self._notes is not None:
            self._notes.answered()

    def _silent(self, why: str) -> None:
        self._trouble = why
        pause = self._breaker.silent()
        if pause is not None and self._notes is not None:
            self._notes.opened(None, why, pause)
