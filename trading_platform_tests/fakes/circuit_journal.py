"""States of circuit breakers in memory."""

from __future__ import annotations

from trading_platform.domain.circuit import Circuit
from trading_platform.domain.errors import RetryLater


class FakeCircuitJournal:
    """Fills the role `CircuitJournal`; remembers every note, and can be out of reach."""

    def __init__(self) -> None:
        self.notes: list[Circuit] = []
        self.is_down = False

    def note(self, circuit: Circuit) -> None:
        """Replace this process's word on this group."""
        self._answer()
        self.notes.append(circuit)

    def circuits(self) -> list[Circuit]:
        """The newest words."""
        self._answer()
        newest = {(each.venue, each.group, each.process): each for each in self.notes}
        return [newest[key] for key in sorted(newest)]

    def _answer(self) -> None:
        if self.is_down:
            raise RetryLater("the journal can't be reached")
