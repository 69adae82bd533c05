"""Role: remembering which endpoints of the venue, and which store, each process leaves alone, for all to see."""

from __future__ import annotations

from typing import Protocol

from trading_platform.domain.circuit import Circuit


class CircuitJournal(Protocol):
    """States of the circuit breakers. Every method raises RetryLater if it can't be reached."""

    def note(self, circuit: Circuit) -> None:
        """Replace this process's word on this group of the venue's endpoints, or on this store."""
        ...

    def circuits(self) -> list[Circuit]:
        """The newest words, by venue, group and process."""
        ...
