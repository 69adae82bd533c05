"""The same fraction of the equity in every entry."""

from __future__ import annotations

from decimal import Decimal


def fixed_fraction(equity_quote: Decimal, fraction: Decimal) -> Decimal:
    """Notional ``f * E``.

    Parameters
    ----------
    equity_quote
        E, the worth of the account.
    fraction
        f, 0 < f <= 1.

    References
    ----------
    R. Vince, *Portfolio Management Formulas*, Wiley 1990, chapter 2 (fixed fractional trading).
    """
    return fraction * equity_quote
