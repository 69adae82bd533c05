"""An ask far from what was traded isn't bought at."""

from __future__ import annotations

from decimal import Decimal
from statistics import median

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.instrument import plain
from trading_platform.domain.risk import ReasonCode

RULE = "price_band"
BPS = Decimal(10_000)


def judge_price_band(
    view: AccountView, max_from_last_bps: Decimal, max_from_median_bps: Decimal, median_candles: int
) -> RuleVerdict:
    """Let the entry wait while the ask is too far from the last trade, or from the median of the newest closes.

    An emptied book shows in the first, a wrong price or a market that runs away in the second. Either side counts: an
    ask far below what was traded is no bargain but a mistake. Without a closed candle there is no median to trust.
    """
    closes = view.closes[-median_candles:]
    if not closes:
        return RuleVerdict(RULE, f"no closed candle of {view.symbol}", ReasonCode.PRICE_BAND, may_heal=True)
    told = []
    for name, reference, limit in (
        ("the last trade", view.last, max_from_last_bps),
        (f"the median of {len(closes)} closes", median(closes), max_from_median_bps),
    ):
        distance = abs(view.ask / reference - 1) * BPS
        told.append(f"ask {plain(view.ask)} is {distance:.0f} bps from {name} {plain(reference)}")
        if distance > limit:
            reason = f"{told[-1]}, the most is {limit:.0f}"
            return RuleVerdict(RULE, reason, ReasonCode.PRICE_BAND, may_heal=True)
    return RuleVerdict(RULE, "; ".join(told))
