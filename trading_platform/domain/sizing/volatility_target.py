"""The same expected swing of the account by every position, whatever the symbol."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import numpy.typing as npt

SECONDS_PER_YEAR = 365.25 * 86_400  # crypto trades every second of it


def volatility_target(equity_quote: Decimal, target: Decimal, volatility: float) -> Decimal | None:
    """Notional ``E * target / sigma``; None if the symbol doesn't move, which bounds nothing.

    Parameters
    ----------
    target
        Standard deviation per year that the position may bring to the equity, as a fraction of it.
    volatility
        sigma, standard deviation of the symbol's log return per year.

    References
    ----------
    T. J. Moskowitz, Y. H. Ooi and L. H. Pedersen, "Time Series Momentum", *Journal of Financial Economics* 104 (2012),
    section 3.1 (positions scaled by the inverse of volatility).
    """
    return None if volatility == 0 else equity_quote * target / Decimal(repr(volatility))


def realised_volatility(closes: npt.NDArray[np.float64], candle_seconds: float) -> float | None:
    """Standard deviation of the log return per year; None with fewer than three candles.

    Parameters
    ----------
    closes
        Shape (n,), ascending in time, in quote, each above zero.
    candle_seconds
        Length of a candle.

    References
    ----------
    J. C. Hull, *Options, Futures, and Other Derivatives*, chapter "The Black-Scholes-Merton Model" (estimating
    volatility from historical data).
    """
    if len(closes) < 3:
        return None
    returns = np.diff(np.log(closes))
    return float(np.std(returns, ddof=1)) * math.sqrt(SECONDS_PER_YEAR / candle_seconds)
