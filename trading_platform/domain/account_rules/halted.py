"""The kill switch: while an account is halted nothing is bought."""

from __future__ import annotations

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "halted"


def judge_halt(view: AccountView) -> RuleVerdict:
    """Only the owner's resume ends a halt, whoever began it."""
    if view.halt is None:
        return RuleVerdict(RULE, "trading isn't halted")
    return RuleVerdict(RULE, view.halt.told, ReasonCode.HALTED)
