"""How much a venue may be asked: limits as leaky buckets, so that no window of the venue's own can be overrun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class RequestGroup(StrEnum):
    """Endpoints that fail, and are paused, together."""

    MARKET_DATA = "market_data"
    ACCOUNT = "account"
    ORDERS = "orders"


@dataclass(frozen=True)
class RequestLimit:
    """A bucket that every request fills by its cost, and that leaks.

    Parameters
    ----------
    name
        Tells the venue's limits apart; processes that use one name share one bucket.
    burst
        How much may be asked at once, in the venue's own unit.
    per_second
        How fast it empties.
    """

    name: str
    burst: float
    per_second: float

    @classmethod
    def of_window(cls, name: str, amount: int, seconds: int) -> RequestLimit:
        """A venue's limit of `amount` in each window of so many seconds.

        Half of it may go at once, and the other half spread over the window: so no window holds more than `amount`,
        wherever the venue's windows begin and however its clock differs from ours.
        """
        return cls(name, amount / 2, amount / 2 / seconds)

    def level_after(self, level: float, seconds: float) -> float:
        """What is left in the bucket some time later."""
        return max(0.0, level - self.per_second * seconds)

    def wait_seconds(self, level: float, cost: float, share: float) -> float:
        """How long until `cost` fits into the first `share` of the bucket; 0 if it does.

        What is larger than that goes when the bucket is empty.
        """
        room = max(self.burst * share - cost, 0.0)
        return max(0.0, level - room) / self.per_second


@dataclass(frozen=True)
class Charge:
    """What one request costs of one limit.

    Parameters
    ----------
    at_least
        The level below which the bucket can't be, by the venue's own count: others may use the same address.
    """

    limit: RequestLimit
    cost: float
    at_least: float = 0.0


def used_by_the_venues_count(limit: RequestLimit, used: float, seconds_ago: float) -> float:
    """Level of a bucket whose window the venue said was used so far, some time ago: what is left there is the most
    that may still go at once."""
    return limit.level_after(min(used, 2 * limit.burst) - limit.burst, seconds_ago)


def longest_wait(levels: Sequence[float], charges: Sequence[Charge], share: float) -> float:
    """How long until every charge fits; 0 if all do."""
    waits = (
        charge.limit.wait_seconds(level, charge.cost, share) for level, charge in zip(levels, charges, strict=True)
    )
    return max(waits, default=0.0)
