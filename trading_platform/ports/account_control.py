"""Role: what the owner, or a protection, has said about an account, and what it is measured against.

A part of the ledger: a halt stands in the way of reservations, a transfer moves balances and marks together, so both
are decided in the ledger's own transactions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from trading_platform.domain.arming import Arming
from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.halt import Halt
from trading_platform.domain.transfer import BalanceDifference, Transfer


class AccountControl(Protocol):
    """Halts, marks, transfers and permissions. Each method is one transaction; RetryLater if it can't be reached."""

    # the kill switch
    def halt(self, halt: Halt) -> Halt:
        """Halt the account, under its lock: no entry is reserved any more once this returns.

        An account that is halted stays so, with its first reason; only `flatten` is added to it.

        Returns
        -------
        Halt
            The one in force.
        """
        ...

    def resume(self, account: str, *, by: str, reason: str, at: datetime, venue_time: datetime) -> Halt | None:
        """End the halt, and let the drawdown be measured from the newest equity; None if there was no halt."""
        ...

    def halt_in_force(self, account: str) -> Halt | None:
        """The halt that isn't ended, if there is one."""
        ...

    def halts(self, account: str, limit: int) -> list[Halt]:
        """Newest first."""
        ...

    # what equity is measured against
    def equity_marks(self, account: str) -> EquityMarks | None:
        """The marks; None before the first valuation."""
        ...

    # what the rules look at
    def entries_since(self, account: str, since: datetime) -> list[datetime]:
        """Venue times of the entries that were approved after `since`, ascending."""
        ...

    # money that came or went
    def transfers(self, account: str, limit: int) -> list[Transfer]:
        """Newest first."""
        ...

    def known_transfers(self, account: str, venue_ids: Collection[str]) -> frozenset[str]:
        """Those of the venue's ids that the ledger has."""
        ...

    def known_trades(self, account: str, symbol: str, venue_trade_ids: Collection[str]) -> frozenset[str]:
        """Those of the venue's trade ids that the ledger has booked."""
        ...

    def record_differences(self, account: str, differences: Sequence[BalanceDifference]) -> None:
        """Replace what is known of differences with the venue; one that stands keeps its `found_at`."""
        ...

    def balance_differences(self, account: str) -> list[BalanceDifference]:
        """Differences that stand, by asset."""
        ...

    # real money
    def arm(self, arming: Arming) -> None:
        """Permit the account to trade real money; replaces an earlier permission."""
        ...

    def disarm(self, account: str, at: datetime) -> bool:
        """Withdraw the permission; False if there was none."""
        ...

    def arming(self, account: str) -> Arming | None:
        """The permission in force."""
        ...
