"""A symbol is left alone for a while after its position was closed."""

from __future__ import annotations

from datetime import timedelta

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "cooldown"


def judge_cooldown(view: AccountView, cooldown_seconds: float) -> RuleVerdict:
    """Refuse within `cooldown_seconds` (venue clock) of the symbol's last exit."""
    closed_at = view.symbol_closed_at
    if closed_at is None:
        return RuleVerdict(RULE, f"{view.symbol} was never held")
    told = f"{view.symbol} was closed at {closed_at:%H:%M:%S} UTC"
    until = closed_at + timedelta(seconds=cooldown_seconds)
    if view.time.now < until:
        return RuleVerdict(RULE, f"{told}, less than {cooldown_seconds:.0f} s ago", ReasonCode.COOLDOWN, until=until)
    return RuleVerdict(RULE, f"{told}, at least {cooldown_seconds:.0f} s ago")
