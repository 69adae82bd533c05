"""The account has lost too much of its peak."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.risk import ReasonCode

RULE = "max_drawdown"


def judge_drawdown(view: AccountView, max_drawdown: Decimal) -> RuleVerdict:
    """Refuse once the equity, open positions included, stands `max_drawdown` or more below its peak.

    The refusal lasts: the account is halted for it.
    """
    if view.marks is None:
        return RuleVerdict(RULE, "no equity was recorded yet")
    return judge_equity(view.equity_quote, view.marks, max_drawdown)


def judge_equity(equity_quote: Decimal, marks: EquityMarks, max_drawdown: Decimal) -> RuleVerdict:
    """The same for one valuation.

    The peak is the highest equity since the account was opened or last resumed, with deposits and withdrawals taken
    out of it.
    """
    drawdown = marks.drawdown_of(equity_quote)
    told = f"equity {equity_quote:.2f} is {drawdown:.2%} below its peak of {marks.peak_quote:.2f}"
    if drawdown >= max_drawdown:
        return RuleVerdict(RULE, f"{told}, the most is {max_drawdown:.2%}", ReasonCode.MAX_DRAWDOWN)
    return RuleVerdict(RULE, f"{told}, within {max_drawdown:.2%}")
