"""How much of a position is really there to be sold or protected, by the ledger and by what the venue last told."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.position import Position
from trading_platform.ports.ledger import Ledger

ZERO = Decimal(0)


def base_there(ledger: Ledger, position: Position) -> Decimal:
    """The account's total of the position's base, less what stands as missing at the venue.

    What is missing is taken as an amount, so that a sale booked since the comparison doesn't count twice. What an order
    at work has reserved is there for certain: the venue locked it, and a balance that lags must not cost a stop.
    """
    base = position.symbol.partition("/")[0]
    balance = ledger.account(position.account).balances.get(base)
    if balance is None:
        return ZERO
    differing = (each.amount for each in ledger.balance_differences(position.account) if each.asset == base)
    return max(balance.total + min(next(differing, ZERO), ZERO), balance.reserved)


def is_left_behind(ledger: Ledger, position: Position, least_quote: Decimal) -> bool:
    """Whether the base has left, and what remains of it cost less than `least_quote`: no trade run can sell it."""
    there = base_there(ledger, position)
    return there < position.quantity and there * (position.average_price or ZERO) < least_quote
