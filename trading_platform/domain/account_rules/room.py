"""Room that a limit leaves for an entry: what the rules of exposure share."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode


def judge_room(
    rule: str, view: AccountView, code: ReasonCode, held_quote: Decimal, limit_quote: Decimal, limit: str
) -> RuleVerdict:
    """Pass with the room between what is held and the limit, if the smallest order fits into it.

    An account that holds nothing passes in any case: if even the whole limit is too small for an order, it is the
    account that is too small, and sizing says so.

    Parameters
    ----------
    limit
        The limit in words.
    """
    room = max(limit_quote - held_quote, Decimal(0))
    told = f"{limit} = {limit_quote:.2f}, {held_quote:.2f} of it used"
    if held_quote > 0 and room < view.smallest_order_quote:
        return RuleVerdict(rule, f"{told}: no room for {view.smallest_order_quote:.2f}", code, room_quote=room)
    return RuleVerdict(rule, f"{told}: room for {room:.2f}", room_quote=room)
