"""Rules that protect the account: pure functions over one `AccountView`, one file each, that entries must pass.

No rule stands before an exit (I7).
"""

from trading_platform.domain.account_rules.cooldown import judge_cooldown
from trading_platform.domain.account_rules.correlation import judge_correlation, log_returns
from trading_platform.domain.account_rules.daily_loss import judge_daily_loss
from trading_platform.domain.account_rules.halted import judge_halt
from trading_platform.domain.account_rules.live_cap import judge_live_cap
from trading_platform.domain.account_rules.losing_streak import judge_losing_streak
from trading_platform.domain.account_rules.max_drawdown import judge_drawdown
from trading_platform.domain.account_rules.order_rate import judge_order_rate
from trading_platform.domain.account_rules.price_band import judge_price_band
from trading_platform.domain.account_rules.stale_balance import judge_balance_age
from trading_platform.domain.account_rules.symbol_exposure import judge_symbol_exposure
from trading_platform.domain.account_rules.total_exposure import judge_total_exposure
from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView, ClosedTrade

__all__ = [
    "AccountView",
    "ClosedTrade",
    "RuleVerdict",
    "judge_balance_age",
    "judge_cooldown",
    "judge_correlation",
    "judge_daily_loss",
    "judge_drawdown",
    "judge_halt",
    "judge_live_cap",
    "judge_losing_streak",
    "judge_order_rate",
    "judge_price_band",
    "judge_symbol_exposure",
    "judge_total_exposure",
    "log_returns",
]
