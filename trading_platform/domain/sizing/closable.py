"""Whether what is bought can be sold again: at the stop's price, after the fee, on the lot grid, within the filters."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.instrument import Instrument, ceil_to_step, floor_to_step

PROTECTIVE_ORDERS = 2
"""A stop and a target. Both may wait for a price: what the exchange counts as algorithmic orders."""


def sellable_after(bought: Decimal, instrument: Instrument) -> Decimal:
    """What of a filled buy can be sold: the fee is taken in base, and the rest cut to the lot grid."""
    return floor_to_step(bought * (1 - instrument.taker_fee_rate), instrument.lot_step)


def is_closable(bought: Decimal, exit_price: Decimal, instrument: Instrument) -> bool:
    """Whether the exchange would take one order that sells what is left of `bought` at `exit_price`."""
    return instrument.is_tradable(sellable_after(bought, instrument), exit_price)


def smallest_closable(entry_price: Decimal, exit_price: Decimal, instrument: Instrument) -> Decimal:
    """Smallest quantity that can be bought at `entry_price`, and sold at `exit_price` after the fee."""
    to_sell = instrument.smallest_quantity(exit_price)
    bought = ceil_to_step(to_sell / (1 - instrument.taker_fee_rate), instrument.lot_step)
    if sellable_after(bought, instrument) < to_sell:  # the quotient was rounded down onto the grid
        bought += instrument.lot_step
    return max(bought, instrument.smallest_quantity(entry_price))


def protection_fault(
    instrument: Instrument, market_price: Decimal, stop_price: Decimal, stop_limit: Decimal | None, open_orders: int
) -> str | None:
    """Why the exchange wouldn't take the position's stop; None if it would.

    Parameters
    ----------
    stop_limit
        The lowest price that it asks; None: it sells at any price, which no band bounds.
    open_orders
        Orders of the symbol that rest at the exchange already.
    """
    if not 0 < stop_price < market_price:
        return f"a stop at {stop_price} can't protect what is bought at {market_price}"
    for price in (stop_price, *([] if stop_limit is None else [stop_limit])):
        if not instrument.is_price(price):
            return (
                f"the exchange takes no price of {price}"
                f" (grid {instrument.tick_size}, {instrument.min_price} to {instrument.max_price})"
            )
    if stop_limit is not None and not instrument.takes_sell_price(stop_limit, market_price):
        return (
            f"the exchange takes no sell at {stop_limit}, only {instrument.min_sell_price_ratio} to"
            f" {instrument.max_sell_price_ratio} times the price {market_price}"
        )
    wanted = open_orders + PROTECTIVE_ORDERS
    for most, kind in ((instrument.max_orders, "orders"), (instrument.max_algo_orders, "waiting orders")):
        if most is not None and wanted > most:
            return f"stop and target would make {wanted} {kind} of {instrument.symbol}, the exchange takes {most}"
    return None
