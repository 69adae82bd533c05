"""Telling the owner what stops an account from buying: a halt, or balances that nobody can explain."""

from __future__ import annotations

from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.ledger import Ledger

HALT_KEY = "halt"
BALANCE_KEY = "balances"


def watch_account(ledger: Ledger, journal: HealthJournal, clock: Clock, account: str) -> bool:
    """Open an incident while the account is halted, and one while its balances differ; close each when it is over.

    It follows what the ledger says, so nothing is lost between a halt and its message, whoever is killed there.

    Returns
    -------
    bool
        Whether the account may buy, as far as this goes.
    """
    wall = clock.wall()
    halt = ledger.halt_in_force(account)
    if halt is not None:
        journal.open_incident(
            HALT_KEY, "Trading is halted", f"{account} is {halt.told}. To go on: trading-platform resume", wall
        )
    else:
        journal.close_incident(HALT_KEY, "Trading goes on", f"{account} was resumed", wall)
    differences = ledger.balance_differences(account)
    if differences:
        told = "; ".join(each.told for each in differences)
        journal.open_incident(
            BALANCE_KEY,
            "The balances differ from the venue's",
            f"{account} buys nothing until they agree. {told}. See: trading-platform reconcile",
            wall,
        )
    else:
        journal.close_incident(BALANCE_KEY, "The balances agree again", f"{account} agrees with the venue", wall)
    return halt is None and not differences
