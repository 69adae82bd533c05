"""How much of the equity may stand in positions altogether."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.account_rules.room import judge_room
from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "total_exposure"


def judge_total_exposure(view: AccountView, max_share: Decimal) -> RuleVerdict:
    """Refuse if what `max_share` of the equity leaves room for, over all symbols, is no order any more.

    Otherwise the room bounds the entry's size.
    """
    limit = max_share * view.equity_quote
    told = f"{max_share:.0%} of equity over all symbols"
    return judge_room(RULE, view, ReasonCode.TOTAL_EXPOSURE, view.total_exposure_quote, limit, told)
