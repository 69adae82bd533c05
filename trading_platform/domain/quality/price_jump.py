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
    adjacent = [(a, b) for a, b in pairwise(candles) if b.open_time - a.open_time == interval.length and _priced(a, b)]
    if len(adjacent) < MIN_RETURNS:
        return Verdict(True, f"too few candles to tell a jump: {len(adjacent)} steps", Severity.WARNING)
    before = np.array([float(a.close) for a, _ in adjacent])
    returns = np.log(np.array([float(b.close) for _, b in adjacent]) / before)
    middle = float(np.median(returns))
    deviation = _MAD_TO_DEVIATION * float(np.median(np.abs(returns - middle)))
    band = max(deviations * deviation, math.log1p(min_jump_bps / _BPS))
    first = max(len(candles) - newest, 0)
    since = candles[first].open_time
    jumps = [
        (candle, move)
        for (_, candle), move in zip(adjacent, _farthest(adjacent, before, middle), strict=True)
        if abs(move) > band and candle.open_time >= since
    ]
    if jumps:
        candle, move = jumps[-1]
        return Verdict(
            False,
            f"{len(jumps)} of the newest {len(candles) - first} candles jump, the last at "
            f"{candle.open_time:%Y-%m-%d %H:%M} UTC by {_percent(move)} from the close before it; "
            f"the band is {_percent(band)} to either side",
            Severity.WARNING,
        )
    return Verdict(True, f"no move beyond the band of {_percent(band)} to either side", Severity.WARNING)


def _farthest(
    adjacent: Sequence[tuple[Candle, Candle]], before: NDArray[np.float64], middle: float
) -> NDArray[np.float64]:
    up = np.log(np.array([float(b.high) for _, b in adjacent]) / before) - middle
    down = np.log(np.array([float(b.low) for _, b in adjacent]) / before) - middle
    return np.where(np.abs(up) >= np.abs(down), up, down)


def _priced(*candles: Candle) -> bool:
    """Impossible prices are another rule's business; they have no logarithm."""
    return all(min(candle.low, candle.high, candle.close) > 0 for candle in candles)


def _percent(log_move: float) -> str:
    return f"{math.expm1(log_move) * 100:.2f} %"
