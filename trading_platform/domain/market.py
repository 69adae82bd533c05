"""Prices of the moment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

_AHEAD_SECONDS = 1.0
"""A clock that is read before a price arrives in another process may be behind it by so much."""


@dataclass(frozen=True)
class Ticker:
    """Best bid and ask and the last trade of a symbol.

    Parameters
    ----------
    received_at
        Wall clock, when the answer arrived: a price's age is measured from it.
    venue_time
        The venue's own time of the values.
    source
        ``rest`` or ``stream``.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    venue_time: datetime
    received_at: datetime
    source: str = "rest"

    def age_seconds(self, wall: datetime) -> float:
        """Wall seconds since it was received; infinite if that lies in the future.

        Then the wall clock has been set back since, and nobody knows how old the price is.
        """
        age = (wall - self.received_at).total_seconds()
        return age if age >= -_AHEAD_SECONDS else math.inf
