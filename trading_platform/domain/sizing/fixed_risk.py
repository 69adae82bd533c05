"""The same loss at the stop for every entry, however far the stop is away."""

from __future__ import annotations

from decimal import Decimal


def fixed_risk(
    equity_quote: Decimal, risk: Decimal, entry_price: Decimal, stop_price: Decimal, fee_rate: Decimal
) -> Decimal:
    """Notional whose loss is ``r * E`` if the stop fills at its price.

    One unit bought at P leaves ``1 - c`` after the fee c, and selling that at the stop S brings ``S * (1 - c) ** 2``:
    so the loss per unit of notional is ``1 - S / P * (1 - c) ** 2``. Where the stop follows the average true range
    (``S = P - k * ATR``) this is sizing by volatility as well.

    Parameters
    ----------
    risk
        r, 0 < r <= 1.
    stop_price
        S, 0 < S < P.

    References
    ----------
    V. K. Tharp, *Trade Your Way to Financial Freedom*, McGraw-Hill 1998, chapter 12 (percent risk model);
    J. W. Wilder, *New Concepts in Technical Trading Systems*, 1978 (average true range).
    """
    return risk * equity_quote / loss_at_stop(entry_price, stop_price, fee_rate)


def loss_at_stop(entry_price: Decimal, stop_price: Decimal, fee_rate: Decimal) -> Decimal:
    """Part of the notional that is lost if the stop fills at its price, both fees included."""
    return 1 - stop_price / entry_price * (1 - fee_rate) ** 2
