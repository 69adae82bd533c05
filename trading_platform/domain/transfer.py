"""Money that came or went without a trade, and balances that differ from the venue's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class TransferKind(StrEnum):
    """Why an asset's total changed without a trade."""

    OPENING = "opening"  # was there before the account was opened; remembered, so that it explains nothing later
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    ADJUSTMENT = "adjustment"  # adopted by the owner


@dataclass(frozen=True)
class VenueTransfer:
    """A deposit, or (negative) a withdrawal with its fee, as the venue lists it; `time` on the venue's clock."""

    venue_id: str
    asset: str
    amount: Decimal
    time: datetime

    @property
    def kind(self) -> TransferKind:
        """Which way it went."""
        return TransferKind.DEPOSIT if self.amount > 0 else TransferKind.WITHDRAWAL


@dataclass(frozen=True)
class Transfer:
    """A transfer as the ledger keeps it.

    Parameters
    ----------
    amount
        Positive when it came in.
    amount_quote
        Its worth, None where there was no price for it: then it changes no mark.
    equity_before_quote
        Worth of the account just before it, None if that wasn't known.
    venue_id
        The venue's own id, empty if the venue lists none.
    recorded_at
        Wall clock.
    """

    account: str
    asset: str
    amount: Decimal
    kind: TransferKind
    reason: str
    by: str
    venue_time: datetime
    recorded_at: datetime
    amount_quote: Decimal | None = None
    equity_before_quote: Decimal | None = None
    venue_id: str = ""


@dataclass(frozen=True)
class BalanceDifference:
    """An asset of which the venue and the ledger hold different totals.

    Parameters
    ----------
    value_quote
        Worth of the difference, None without a price.
    cause
        What it probably comes from, in plain words.
    found_at, seen_at
        Wall clock: since when it stands, and when it was looked at last.
    """

    asset: str
    ledger_total: Decimal
    venue_total: Decimal
    value_quote: Decimal | None
    cause: str
    found_at: datetime
    seen_at: datetime

    @property
    def amount(self) -> Decimal:
        """What the venue has more (or, negative, less)."""
        return self.venue_total - self.ledger_total

    @property
    def told(self) -> str:
        """The difference in plain words."""
        worth = "" if self.value_quote is None else f", worth {self.value_quote:.2f}"
        return (
            f"{self.asset}: {self.ledger_total} in the ledger, {self.venue_total} at the venue "
            f"({self.amount:+}{worth}): {self.cause}"
        )
