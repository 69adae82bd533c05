"""What keeps an account from buying, apart from its signals: for the UI, the terminal and the owner."""

from __future__ import annotations

from trading_platform.ports.ledger import Ledger
from trading_platform.services.arm_account import why_not_armed
from trading_platform.settings import Settings


def what_stops_buying(ledger: Ledger, settings: Settings) -> list[str]:
    """Each reason in plain words; none if the account may buy."""
    account = settings.account.name
    halt = ledger.halt_in_force(account)
    reasons = [halt.told] if halt is not None else []
    reasons += [f"balances differ: {each.told}" for each in ledger.balance_differences(account)]
    if settings.is_live:
        reasons += filter(None, [why_not_armed(ledger, settings)])
    return reasons
