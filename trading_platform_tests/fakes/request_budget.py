"""A budget whose time moves when it is told to."""

from __future__ import annotations

from collections.abc import Sequence

from trading_platform.adapters.local_request_budget import LocalRequestBudget
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.request_limits import Charge


class FakeRequestBudget(LocalRequestBudget):
    """Fills the role `RequestBudget`; remembers what was taken, and can be out of reach."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.is_down = False
        self.taken: list[tuple[str, Charge]] = []
        super().__init__(lambda: self.seconds)

    def take(self, venue: str, charges: Sequence[Charge], share: float) -> float:
        """Take all charges, or none of them."""
        self._answer()
        wait = super().take(venue, charges, share)
        if wait == 0:
            self.taken += [(venue, charge) for charge in charges]
        return wait

    def silence(self, venue: str, seconds: float) -> None:
        """Let nobody take anything for so long."""
        self._answer()
        super().silence(venue, seconds)

    def _answer(self) -> None:
        if self.is_down:
            raise RetryLater("the budget can't be reached")
