"""What the account holds must have been compared with the venue lately."""

from __future__ import annotations

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "stale_balance"


def judge_balance_age(view: AccountView, max_age_seconds: float) -> RuleVerdict:
    """Let the entry wait while the last agreement with the venue is older than that (wall clock)."""
    if view.reconciled_at is None:
        return RuleVerdict(
            RULE, "the balances were never compared with the venue", ReasonCode.STALE_BALANCE, may_heal=True
        )
    age = (view.time.wall - view.reconciled_at).total_seconds()
    told = f"the balances agreed with the venue {age:.0f} s ago, {max_age_seconds:.0f} s are the most"
    if age > max_age_seconds:
        return RuleVerdict(RULE, told, ReasonCode.STALE_BALANCE, may_heal=True)
    return RuleVerdict(RULE, told)
