"""Two symbols that move as one are one position, twice the size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import StatisticsError, correlation

from trading_platform.domain.account_rules.verdict import RuleVerdict
from trading_platform.domain.account_rules.view import AccountView
from trading_platform.domain.risk import ReasonCode

RULE = "correlation"
FEWEST_RETURNS = 20
"""A correlation of fewer says nothing: of 20 unrelated returns, one in a thousand reaches 0.68."""


def judge_correlation(view: AccountView, max_correlation: float) -> RuleVerdict:
    """Refuse if the candidate's returns correlate with those of a held symbol by more than `max_correlation`.

    Compared candle by candle, over the candles that both have. With too few of them the entry waits: what isn't known
    isn't assumed to be small.
    """
    own = view.returns.get(view.symbol, {})
    found: list[str] = []
    for symbol in sorted(set(view.returns) - {view.symbol}):
        shared = sorted(own.keys() & view.returns[symbol].keys())
        if len(shared) < FEWEST_RETURNS:
            told = f"{len(shared)} candles in common with {symbol}, {FEWEST_RETURNS} are needed"
            return RuleVerdict(RULE, told, ReasonCode.CORRELATED, may_heal=True)
        moves_alike = correlate([own[at] for at in shared], [view.returns[symbol][at] for at in shared])
        told = f"{moves_alike:.2f} with {symbol} over {len(shared)} candles"
        if moves_alike > max_correlation:
            return RuleVerdict(RULE, f"{told}, the most is {max_correlation:.2f}", ReasonCode.CORRELATED)
        found.append(told)
    return RuleVerdict(RULE, "; ".join(found) or "nothing else is held")


def correlate(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's coefficient of two equally long series; 0 where one of them doesn't move at all."""
    try:
        return correlation(first, second)
    except StatisticsError:
        return 0.0


def log_returns(closes: Mapping[datetime, float]) -> dict[datetime, float]:
    """Log return per candle after the first, by open time."""
    return {now: math.log(closes[now] / closes[before]) for before, now in pairwise(sorted(closes))}
