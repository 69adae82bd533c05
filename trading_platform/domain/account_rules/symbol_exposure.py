"""How much of the equity may stand in one symbol."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.account_rules.room import judge_room
from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "symbol_exposure"


def judge_symbol_exposure(view: AccountView, max_share: Decimal) -> RuleVerdict:
    """Refuse if what `max_share` of the equity leaves room for, in this symbol, is no order any more.

    Otherwise the room bounds the entry's size.
    """
    limit = max_share * view.equity_quote
    held = view.exposure_quote.get(view.symbol, Decimal(0))
    return judge_room(
        RULE, view, ReasonCode.SYMBOL_EXPOSURE, held, limit, f"{max_share:.0%} of equity in {view.symbol}"
    )
