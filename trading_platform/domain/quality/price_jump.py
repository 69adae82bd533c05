"""Prices that jump beyond what the series does otherwise.

A warning, never an error: a real crash looks the same as a wrong price, and it is the moment at which a strategy must
not be kept from working. Whoever reads the decision afterwards sees that the price had jumped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.check import Severity, Verdict

MIN_RETURNS = 30
_MAD_TO_DEVIATION = 1.4826
_BPS = 10_000


def judge_jumps(
    candles: Sequence[Candle], interval: Interval, *, deviations: float, min_jump_bps: float, newest: int
) -> Verdict:
    """Whether no price of the `newest` candles lies farther from the close before it than the window's band.

    Parameters
    ----------
    deviations
        Half the band's width in robust standard deviations.
    min_jump_bps
        The band is never narrower, however quiet the window.

    Notes
    -----
    With log returns r of the closes of adjacent candles, the robust standard deviation is
    s = 1.4826 · median(abs(r - median(r))): the median absolute deviation, scaled to the standard deviation of a
    normal distribution (Hampel, "The influence curve and its role in robust estimation", 1974; as an outlier rule in
    Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993). A mean or a standard deviation would be moved by
    the very jump that it is to find. Iglewicz and Hoaglin's 3.5 deviations hold for normal returns; those of minutes
    have far heavier tails, so the band is wider, and the figure is measured (docs/architecture.md).

    High and low count, not only the close: a wrong price that is gone within the minute is a wick.
    """
    closes, moves, usable = _moves(candles, interval)
    if usable.sum() < MIN_RETURNS:
        return Verdict(True, f"too few candles to tell a jump: {usable.sum()} steps", Severity.WARNING)
    middle = float(np.median(closes[usable]))
    deviation = _MAD_TO_DEVIATION * float(np.median(np.abs(closes[usable] - middle)))
    band = max(deviations * deviation, math.log1p(min_jump_bps / _BPS))
    first = max(len(candles) - newest, 1)
    jumps = [number for number in range(first, len(candles)) if abs(moves[number - 1]) > band]
    if jumps:
        last = jumps[-1]
        return Verdict(
            False,
            f"{len(jumps)} of the newest {len(candles) - first} candles jump, the last at "
            f"{candles[last].open_time:%Y-%m-%d %H:%M} UTC by {_percent(moves[last - 1])} from the close before it; "
            f"the band is {_percent(band)} to either side",
            Severity.WARNING,
        )
    return Verdict(True, f"no move beyond the band of {_percent(band)} to either side", Severity.WARNING)


def _moves(
    candles: Sequence[Candle], interval: Interval
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Per candle but the first, from the close before it: log return of its close, of its farthest price, and whether
    there is one: not across a hole, nor of impossible prices, which are another rule's business; it is 0 then."""
    prices = np.array([(float(c.close), float(c.high), float(c.low)) for c in candles]).reshape(-1, 3)
    adjacent = [later.open_time - earlier.open_time == interval.length for earlier, later in pairwise(candles)]
    possible: NDArray[np.bool_] = np.min(prices, axis=1, initial=np.inf) > 0
    usable = np.array(adjacent, dtype=bool) & possible[1:] & possible[:-1]
    logs = np.log(np.where(possible[:, None], prices, 1.0))
    steps = np.where(usable[:, None], logs[1:] - logs[:-1, :1], 0.0)
    farthest = np.where(np.abs(steps[:, 1]) >= np.abs(steps[:, 2]), steps[:, 1], steps[:, 2])
    return steps[:, 0], farthest, usable


def _percent(log_move: float) -> str:
    return f"{math.expm1(log_move) * 100:.2f} %"
