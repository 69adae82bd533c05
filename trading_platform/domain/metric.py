"""What the platform measures of itself: a closed list of names, so that the number of series is bounded (I9)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class MetricName(StrEnum):
    """What is measured; the unit is part of the name."""

    RUN_SECONDS = "run_seconds"  # of a refresh or trade run, from its start to the measurement at its end
    CANDLE_AGE_SECONDS = "candle_age_seconds"  # wall seconds since the newest candle (shortest interval) closed
    PRICE_AGE_SECONDS = "price_age_seconds"  # wall seconds since the newest price was received
    EQUITY_QUOTE = "equity_quote"  # the newest that moved the account's marks
    DRAWDOWN_SHARE = "drawdown_share"  # of the peak, 0 to 1
    ORDERS_IN_FLIGHT = "orders_in_flight"  # not final, stops and targets at rest left out
    ORDER_LATENCY_SECONDS = "order_latency_seconds"  # reserved → the venue has it, at the time of the latter
    SPOOL_POINTS = "spool_points"  # waiting for a remote store
    STREAMS_NOT_LIVE = "streams_not_live"  # of the symbols in the settings

    @property
    def tag(self) -> str | None:
        """What the subject of such a point is: ``symbol``, ``process``, or none."""
        return _TAGS.get(self)


_TAGS: Final = {
    MetricName.RUN_SECONDS: "process",
    MetricName.CANDLE_AGE_SECONDS: "symbol",
    MetricName.PRICE_AGE_SECONDS: "symbol",
    MetricName.ORDER_LATENCY_SECONDS: "symbol",
}


@dataclass(frozen=True)
class MetricPoint:
    """One measurement; of the same name and subject there is one at a time.

    Parameters
    ----------
    value
        Finite.
    at
        Wall clock, kept to the millisecond: what is finer is cut off.
    subject
        The symbol or process that it is of, empty where the name has no tag.
    """

    name: MetricName
    value: float
    at: datetime
    subject: str = ""

    def __post_init__(self) -> None:
        """Refuse what no store can tell from another, or draw."""
        if bool(self.subject) is not bool(self.name.tag):
            raise ValueError(f"{self.name} is measured of a {self.name.tag or 'whole platform'}, not {self.subject!r}")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.name} of {self.value} is no measurement")
        object.__setattr__(self, "at", self.at - timedelta(microseconds=self.at.microsecond % 1000))
