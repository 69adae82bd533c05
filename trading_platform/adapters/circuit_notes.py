"""What a process's circuit breakers do, written down for the others to see."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from trading_platform.domain.circuit import Circuit, CircuitState
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.request_limits import RequestGroup
from trading_platform.ports.circuit_journal import CircuitJournal
from trading_platform.ports.clock import WallClock

log = structlog.get_logger()


class CircuitNotes:
    """Notes when the circuits around a venue, or a store, open, when a probe fails, and when they close.

    A process's first answer is noted as well: it takes the place of what a predecessor left behind. A note that can't
    be made is made with the next event: asking never waits for it.

    Parameters
    ----------
    journal
        None: nothing is written down.
    venue
        Or store: who is asked.
    process
        This process's name.
    """

    def __init__(
        self,
        journal: CircuitJournal | None,
        venue: str,
        process: str,
        wall: Callable[[], datetime] | None = None,
    ) -> None:
        self._journal = journal
        self._venue = venue
        self._process = process
        self._wall = wall or WallClock().wall
        self._lock = threading.Lock()
        self._states: dict[RequestGroup | None, Circuit] = {}
        self._unwritten: set[RequestGroup | None] = set()

    def answered(self, group: RequestGroup | None = None) -> None:
        """The group answers, or the store does."""
        with self._lock:
            known = self._states.get(group)
            is_new = known is None or known.state is not CircuitState.CLOSED
            if is_new:
                wall = self._wall()
                since = "" if known is None else f"; it was left alone since {known.since:%H:%M:%S} UTC"
                self._put(
                    Circuit(self._venue, group, self._process, CircuitState.CLOSED, f"it answers{since}", wall, wall)
                )
            if group not in self._unwritten:
                return
        self._write(group)

    def opened(self, group: RequestGroup | None, why: str, pause_seconds: float) -> None:
        """The group, or the store, doesn't answer, and is left alone for so long."""
        with self._lock:
            known, wall = self._states.get(group), self._wall()
            since = known.since if known is not None and known.state is CircuitState.OPEN else wall
            retry_at = wall + timedelta(seconds=pause_seconds)
            self._put(Circuit(self._venue, group, self._process, CircuitState.OPEN, why, since, wall, retry_at))
        self._write(group)

    def _put(self, circuit: Circuit) -> None:
        self._states[circuit.group] = circuit
        if self._journal is not None:
            self._unwritten.add(circuit.group)

    def _write(self, group: RequestGroup | None) -> None:
        if self._journal is None:
            return
        circuit = self._states[group]
        try:
            self._journal.note(replace(circuit, noted_at=self._wall()))
        except RetryLater as trouble:
            log.warning("circuit_not_noted", about=circuit.about, state=str(circuit.state), why=str(trouble))
        else:
            self._unwritten.discard(group)
