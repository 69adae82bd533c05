"""More orders a minute than a strategy can mean are a fault of the platform."""

from __future__ import annotations

from datetime import timedelta

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "order_rate"
WINDOW = timedelta(minutes=1)


def judge_order_rate(view: AccountView, max_entries_per_minute: int) -> RuleVerdict:
    """Refuse the entry that would be one too many within a minute of the venue's clock.

    The venue's clock, so that a replay has the same limit as life; where it stands still the minute doesn't end, and
    what goes on sending is stopped.
    """
    recent = sorted(at for at in view.entries_at if view.time.now - at < WINDOW)
    told = f"{len(recent)} entries within a minute, {max_entries_per_minute} are the most"
    if len(recent) >= max_entries_per_minute:
        until = recent[-max_entries_per_minute] + WINDOW
        return RuleVerdict(RULE, told, ReasonCode.ORDER_RATE, until=until)
    return RuleVerdict(RULE, told)
