"""Not asking again and again what doesn't answer."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from enum import StrEnum

import structlog

log = structlog.get_logger()


class BreakerState(StrEnum):
    """Asked freely, not asked at all, or asked once to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Opens after some silences in a row; when the pause is over, one probe decides.

    Of the breakers on PyPI none lets a single probe through, lengthens its pauses and lets a caller pass who must.

    Parameters
    ----------
    name
        What is asked, for the log: a venue and its group of endpoints, a store.
    failures_to_open
        Silences in a row.
    first_pause_seconds, longest_pause_seconds
        The pause doubles with each probe that fails. Up to half of it is taken off by chance, so that processes don't
        probe together.
    monotonic_seconds, chance
        The time, and numbers from 0 to 1; tests pass their own.
    """

    def __init__(
        self,
        name: str,
        failures_to_open: int,
        first_pause_seconds: float,
        longest_pause_seconds: float,
        monotonic_seconds: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._name = name
        self._failures_to_open = failures_to_open
        self._first_pause = min(first_pause_seconds, longest_pause_seconds)
        self._longest_pause = longest_pause_seconds
        self._now = monotonic_seconds
        self._chance = chance
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = self._first_pause
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """As it is now."""
        with self._lock:
            if self._open_until is None:
                return BreakerState.CLOSED
            return BreakerState.OPEN if self._now() < self._open_until else BreakerState.HALF_OPEN

    def admit(self, *, always: bool = False) -> float:
        """0 if the caller may ask, otherwise how many seconds to wait.

        Who may must tell `answered`, `silent` or `withdraw` afterwards.

        Parameters
        ----------
        always
            What reduces risk may ask at any time (I7).
        """
        with self._lock:
            if self._open_until is None or always:
                return 0.0
            left = self._open_until - self._now()
            if left > 0 or self._probing:
                return left if left > 0 else self._first_pause
            self._probing = True
            return 0.0

    def answered(self) -> None:
        """There was an answer, whatever it said."""
        with self._lock:
            was_open, self._open_until = self._open_until is not None, None
            self._failures, self._pause, self._probing = 0, self._first_pause, False
        if was_open:
            log.info("circuit_closed", circuit=self._name)

    def silent(self) -> None:
        """There was no answer."""
        with self._lock:
            self._failures += 1
            self._probing = False
            opens = self._failures >= self._failures_to_open and (
                self._open_until is None or self._now() >= self._open_until
            )
            if opens:
                seconds = self._pause * (1 - self._chance() / 2)
                self._open_until = self._now() + seconds
                self._pause = min(2 * self._pause, self._longest_pause)
        if opens:
            log.warning("circuit_opened", circuit=self._name, seconds=round(seconds, 1), failures=self._failures)

    def withdraw(self) -> None:
        """Nothing was sent after all."""
        with self._lock:
            self._probing = False
