"""Not asking again and again what doesn't answer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import structlog

from trading_platform.domain.circuit import CircuitState

log = structlog.get_logger()


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
        self._probe_ended = threading.Condition(self._lock)
        self._failures = 0
        self._pause = self._first_pause
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> CircuitState:
        """As it is now."""
        with self._lock:
            if self._open_until is None:
                return CircuitState.CLOSED
            return CircuitState.OPEN if self._now() < self._open_until else CircuitState.HALF_OPEN

    def admit(self, *, always: bool = False, patience_seconds: float = 0.0) -> float:
        """0 if the caller may ask, otherwise how many seconds to wait.

        Who may must tell `answered`, `silent` or `withdraw` afterwards.

        Parameters
        ----------
        always
            What reduces risk may ask at any time (I7).
        patience_seconds
            How long to wait, while somebody else's probe is under way, for what it finds: when the venue is back, all
            that a tick asks side by side is answered, not only the request that came first.
        """
        deadline = time.monotonic() + patience_seconds
        with self._probe_ended:
            while self._open_until is not None and not always:
                left = self._open_until - self._now()
                if left > 0:
                    return left
                if not self._probing:
                    self._probing = True
                    return 0.0
                if not self._probe_ended.wait(max(0.0, deadline - time.monotonic())):
                    return self._first_pause
            return 0.0

    def answered(self) -> None:
        """There was an answer, whatever it said."""
        with self._lock:
            was_open, self._open_until = self._open_until is not None, None
            self._failures, self._pause = 0, self._first_pause
            self._end_probe()
        if was_open:
            log.info("circuit_closed", circuit=self._name)

    def silent(self) -> float | None:
        """There was no answer; for how many seconds none is asked for now, None if this changes nothing."""
        with self._lock:
            self._failures += 1
            opens = self._failures >= self._failures_to_open and (
                self._open_until is None or self._now() >= self._open_until
            )
            seconds = 0.0
            if opens:
                seconds = self._pause * (1 - self._chance() / 2)
                self._open_until = self._now() + seconds
                self._pause = min(2 * self._pause, self._longest_pause)
            self._end_probe()
        if opens:
            log.warning("circuit_opened", circuit=self._name, seconds=round(seconds, 1), failures=self._failures)
        return seconds if opens else None

    def withdraw(self) -> None:
        """Nothing was sent after all."""
        with self._lock:
            self._end_probe()

    def _end_probe(self) -> None:
        self._probing = False
        self._probe_ended.notify_all()
