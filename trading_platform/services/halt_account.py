"""The kill switch in the owner's hand."""

from __future__ import annotations

from trading_platform.domain.halt import OWNER, Halt
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.services.known_time import known_time


def halt_account(ledger: Ledger, clock: Clock, account: str, reason: str, *, flatten: bool = False) -> Halt:
    """Stop buying, at once and until `resume_account`; the halt in force.

    It needs nothing but the ledger: a venue that doesn't answer is no reason to go on.

    Parameters
    ----------
    flatten
        Also sell every position at the market; the trade runs do it, as they do any exit.
    """
    wall = clock.wall()
    return ledger.halt(Halt(account, OWNER, reason, wall, known_time(ledger, clock, account).now, flatten))


def resume_account(ledger: Ledger, clock: Clock, account: str, reason: str) -> Halt | None:
    """Let the account buy again; the halt that ended, None if there was none.

    The drawdown is measured from here on. As a halt, it needs nothing but the ledger.
    """
    now = known_time(ledger, clock, account)
    return ledger.resume(account, by=OWNER, reason=reason, at=now.wall, venue_time=now.now)
