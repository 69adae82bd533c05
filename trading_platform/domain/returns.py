"""What trading made of the account, whatever its owner brought or took meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trading_platform.domain.transfer import Transfer


def time_weighted_return(
    equity_begin_quote: Decimal, equity_end_quote: Decimal, transfers: Sequence[Transfer]
) -> Decimal | None:
    """Growth from a valuation to a later one, as a share: the time-weighted return.

    The returns of the stretches between transfers are chained, each measured from the worth just after one transfer to
    the worth just before the next (Global Investment Performance Standards). As with the account's marks
    (`EquityMarks.after_transfer`), a transfer of which the worth isn't known changes nothing.

    Parameters
    ----------
    transfers
        Those between both valuations, oldest first.

    Returns
    -------
    Decimal or None
        0.05 for 5 % more; None where a stretch begins with nothing.
    """
    growth, begin = Decimal(1), equity_begin_quote
    for transfer in transfers:
        before, amount = transfer.equity_before_quote, transfer.amount_quote
        if before is None or amount is None:
            continue
        if begin <= 0:
            return None
        growth *= before / begin
        begin = before + amount
    return growth * equity_end_quote / begin - 1 if begin > 0 else None
