"""Real money starts small, whatever the account holds."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.account_rules.room import judge_room
from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "live_cap"


def judge_live_cap(view: AccountView, max_exposure_quote: Decimal, max_order_quote: Decimal) -> RuleVerdict:
    """On a live account, bound all positions together and each order, until the owner raises the settings."""
    if not view.is_live:
        return RuleVerdict(RULE, "no real money")
    held = view.total_exposure_quote
    limit = min(max_exposure_quote, held + max_order_quote)
    told = f"live: {max_order_quote:.2f} an order, {max_exposure_quote:.2f} altogether"
    return judge_room(RULE, view, ReasonCode.LIVE_CAP, held, limit, told)
