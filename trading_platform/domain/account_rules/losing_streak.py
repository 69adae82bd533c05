"""Several losses in a row are followed by a pause."""

from __future__ import annotations

from datetime import timedelta
from itertools import takewhile

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "losing_streak"


def judge_losing_streak(view: AccountView, losses_to_pause: int, pause_seconds: float) -> RuleVerdict:
    """Refuse for `pause_seconds` (venue clock) after the newest of `losses_to_pause` losing trades in a row.

    A trade that brought nothing or more ends the streak; as long as none does, each further loss is followed by
    another pause.
    """
    losses = list(takewhile(lambda trade: trade.pnl_quote < 0, view.closed_trades))
    told = f"trades lost in a row, up to the newest: {len(losses)}"
    if len(losses) < losses_to_pause:
        return RuleVerdict(RULE, f"{told}; {losses_to_pause} are followed by a pause")
    until = losses[0].closed_at + timedelta(seconds=pause_seconds)
    if view.time.now < until:
        return RuleVerdict(RULE, f"{told}: a pause until {until:%H:%M:%S} UTC", ReasonCode.LOSING_STREAK, until=until)
    return RuleVerdict(RULE, f"{told}, the pause ended at {until:%H:%M:%S} UTC")
