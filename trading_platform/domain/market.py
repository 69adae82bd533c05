"""Prices of the moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


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
        """Wall seconds since it was received."""
        return (wall - self.received_at).total_seconds()
