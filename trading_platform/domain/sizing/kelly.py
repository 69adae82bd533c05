"""The fraction that lets the account grow fastest, from the strategy's own record, and trusted as far as that goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

ONE = Decimal(1)
ZERO = Decimal(0)


@dataclass(frozen=True)
class Edge:
    """What a record of trades says.

    Parameters
    ----------
    optimal
        Growth-optimal notional as a fraction of the equity, at most 1; zero without an edge.
    weight
        How far the record is trusted, 0 (no trade yet) to 1.
    """

    trades: int
    wins: int
    mean_win: Decimal
    mean_loss: Decimal
    optimal: Decimal
    weight: Decimal


def estimate_edge(returns: Sequence[Decimal], prior_trades: int) -> Edge:
    """The edge of closed trades.

    With the share p of trades that win g per unit of notional on average, and q = 1 - p that lose l, the expected
    logarithm of the equity is greatest at ``f* = p / l - q / g``. Nothing can be borrowed, so f* is at most 1 (also
    where nothing has been lost yet). It counts with the weight ``n / (n + m)``: as if m trades without an edge had been
    made before the first one.

    Parameters
    ----------
    returns
        Profit per cost of each trade, fees included.
    prior_trades
        m, in trades.

    References
    ----------
    J. L. Kelly, "A New Interpretation of Information Rate", *Bell System Technical Journal* 35 (1956), 917-926;
    E. O. Thorp, "The Kelly Criterion in Blackjack, Sports Betting, and the Stock Market", *Handbook of Asset and
    Liability Management* 1 (2006), section 2 (unequal pay-offs); H. Bühlmann, "Experience Rating and Credibility",
    *ASTIN Bulletin* 4 (1967) (the weight).
    """
    wins = [each for each in returns if each > 0]
    losses = [-each for each in returns if each < 0]
    number = len(returns)
    mean_win, mean_loss = _mean(wins), _mean(losses)
    weight = Decimal(number) / (number + prior_trades)
    return Edge(number, len(wins), mean_win, mean_loss, _optimal(number, len(wins), mean_win, mean_loss), weight)


def kelly(equity_quote: Decimal, edge: Edge, multiple: Decimal, cap: Decimal) -> Decimal:
    """Notional ``min(cap, multiple * weight * f*) * E``.

    Parameters
    ----------
    multiple
        Part of the optimal fraction that is bet, 0 < multiple <= 1: half of it costs a quarter of the growth and
        halves the swings.
    cap
        Largest fraction of the equity, 0 < cap <= 1.

    References
    ----------
    L. C. MacLean, E. O. Thorp and W. T. Ziemba, "Good and Bad Properties of the Kelly Criterion", *The Kelly Capital
    Growth Investment Criterion*, World Scientific 2011 (fractional Kelly).
    """
    return min(cap, multiple * edge.weight * edge.optimal) * equity_quote


def _optimal(number: int, wins: int, mean_win: Decimal, mean_loss: Decimal) -> Decimal:
    if wins == 0:
        return ZERO
    if mean_loss == 0:
        return ONE
    won = Decimal(wins) / number
    return min(max(won / mean_loss - (1 - won) / mean_win, ZERO), ONE)


def _mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, ZERO) / len(values) if values else ZERO
