"""At which price an entry is asked for, and what may still be asked for after part of it was filled."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.instrument import Instrument, floor_to_step
from trading_platform.domain.order_book import BPS
from trading_platform.domain.risk import ReasonCode


def limit_entry_price(
    bid: Decimal, offset_bps: Decimal, tick_size: Decimal, first_price: Decimal | None, most_reprice_bps: Decimal
) -> Decimal:
    """Price of a limit buy: the bid and the offset, on the tick grid.

    Parameters
    ----------
    first_price
        Of the signal's first limit order; the price is never more than `most_reprice_bps` above it.
    """
    wanted = bid * (1 + offset_bps / BPS)
    if first_price is not None:
        wanted = min(wanted, first_price * (1 + most_reprice_bps / BPS))
    return floor_to_step(wanted, tick_size)


def rest_of_entry(wanted: Decimal, filled: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """What an entry still lacks, on the lot grid.

    Raises
    ------
    RefuseTrade
        If the venue wouldn't take so little.
    """
    rest = instrument.floor_quantity(wanted - filled)
    if not instrument.is_tradable(rest, price):
        raise RefuseTrade(
            ReasonCode.BELOW_EXCHANGE_MINIMUM, f"{filled} of {wanted} is bought; the rest is below the smallest order"
        )
    return rest
