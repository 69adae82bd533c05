"""The account has lost too much today."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "daily_loss"


def judge_daily_loss(view: AccountView, max_daily_loss: Decimal) -> RuleVerdict:
    """Refuse for the rest of the UTC day (venue clock) once the equity is `max_daily_loss` below the day's first.

    Losses that are still on paper count. A day that isn't the one of the marks has lost nothing yet.
    """
    today = view.time.now.astimezone(UTC).date()
    if view.marks is None or view.marks.day != today:
        return RuleVerdict(RULE, "the day has only begun")
    opened = view.marks.day_open_quote
    loss = 1 - view.equity_quote / opened if opened > 0 else Decimal(0)
    told = f"equity {view.equity_quote:.2f} after {opened:.2f} at the day's begin"
    if loss >= max_daily_loss:
        midnight = datetime.combine(today + timedelta(days=1), time(), UTC)
        return RuleVerdict(
            RULE, f"{told}: {loss:.2%} lost, the most is {max_daily_loss:.2%}", ReasonCode.DAILY_LOSS, until=midnight
        )
    return RuleVerdict(RULE, f"{told}, at most {max_daily_loss:.2%} may be lost")
