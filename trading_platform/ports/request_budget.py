"""Role: one budget of a venue's request limits for all processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trading_platform.domain.request_limits import Charge


class RequestBudget(Protocol):
    """What may still be asked of a venue. Every method raises RetryLater if the budget can't be reached."""

    def take(self, venue: str, charges: Sequence[Charge], share: float) -> float:
        """Take all charges, or none of them.

        Parameters
        ----------
        share
            Part of each limit that this kind of request may use up: the rest is for requests that matter more.

        Returns
        -------
        float
            Seconds until it is worth asking again; 0 if the charges were taken.
        """
        ...

    def silence(self, venue: str, seconds: float) -> None:
        """Let nobody take anything for so long: the venue has asked for it. A silence only ever grows."""
        ...
