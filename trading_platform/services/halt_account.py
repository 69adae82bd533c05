"""The kill switch in the owner's hand."""

from __future__ import annotations

from datetime import datetime

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.halt import OWNER, Halt
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger


def halt_account(ledger: Ledger, clock: Clock, account: str, reason: str, *, flatten: bool = False) -> Halt:
    """Stop buying, at once and until `resume_account`; the halt in force.

    It needs nothing but the ledger: a venue that doesn't answer is no reason to go on.

    Parameters
    ----------
    flatten
        Also sell every position at the market; the trade runs do it, as they do any exit.
    """
    wall = clock.wall()
    return ledger.halt(Halt(account, OWNER, reason, wall, _venue_time(ledger, clock, account), flatten))


def resume_account(ledger: Ledger, clock: Clock, account: str, reason: str) -> Halt | None:
    """Let the account buy again; the halt that ended, None if there was none.

    The drawdown is measured from here on. As a halt, it needs nothing but the ledger.
    """
    venue_time = _venue_time(ledger, clock, account)
    return ledger.resume(account, by=OWNER, reason=reason, at=clock.wall(), venue_time=venue_time)


def _venue_time(ledger: Ledger, clock: Clock, account: str) -> datetime:
    try:
        return clock.read().now
    except RetryLater:
        return ledger.account(account).reconciled_venue_time or clock.wall()
