"""How much to buy: a fraction of the equity, bounded by the limits, then by the exchange's filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.risk import PositionShareTier, ReasonCode, largest_position_share

BPS = Decimal(10_000)


@dataclass(frozen=True)
class SizedOrder:
    """A quantity that the exchange accepts, what it may cost at most, and how it came about."""

    quantity: Decimal
    reserve_quote: Decimal
    steps: tuple[str, ...]


def size_entry(
    *,
    equity_quote: Decimal,
    free_quote: Decimal,
    ask: Decimal,
    instrument: Instrument,
    fraction: Decimal,
    tiers: Sequence[PositionShareTier],
    notional_floor_quote: Decimal,
    slippage_bps: Decimal,
) -> SizedOrder:
    """Fixed-fraction size of a market buy.

    The notional is ``min(fraction * equity, share * equity, free / worst)``, where ``worst = 1 + slippage + fee``
    bounds what the order may take from the free balance; it is raised to the notional floor where limits and balance
    allow, so that a small account trades at all, and then rounded down to the lot grid.

    Raises
    ------
    RefuseTrade
        With the reason code, if no acceptable quantity exists.
    """
    worst_price = ask * (1 + slippage_bps / BPS)
    worst_cost_factor = (1 + slippage_bps / BPS) * (1 + instrument.taker_fee_rate)
    share = largest_position_share(tiers, equity_quote)
    wanted, limit, affordable = fraction * equity_quote, share * equity_quote, free_quote / worst_cost_factor
    smallest = max(notional_floor_quote, instrument.min_notional_quote)
    steps = [
        f"fraction {fraction:%} of equity {equity_quote:.2f} = {wanted:.2f}",
        f"largest position {share:%} of equity = {limit:.2f}",
        f"affordable from free {free_quote:.2f} after slippage and fee = {affordable:.2f}",
        f"smallest order = {smallest:.2f}",
    ]
    notional = min(max(wanted, smallest), limit, affordable)
    if notional < smallest:
        short_of_cash = affordable < smallest
        code = ReasonCode.INSUFFICIENT_FREE_BALANCE if short_of_cash else ReasonCode.BELOW_NOTIONAL_FLOOR
        raise RefuseTrade(code, f"{notional:.2f} {instrument.quote} is below the smallest order; " + "; ".join(steps))
    quantity = instrument.floor_quantity(notional / ask)
    steps.append(f"{notional:.2f} at ask {ask} on lot grid {instrument.lot_step} = {quantity} {instrument.base}")
    if not instrument.is_tradable(quantity, ask) or quantity * ask < notional_floor_quote:
        quantity += instrument.lot_step
        steps.append(f"one lot up to reach the smallest order = {quantity} {instrument.base}")
        over = quantity * ask > min(limit, affordable)
        if over or not instrument.is_tradable(quantity, ask) or quantity * ask < notional_floor_quote:
            raise RefuseTrade(
                ReasonCode.BELOW_EXCHANGE_MINIMUM,
                "no lot fits between minimum and limit; " + "; ".join(steps),
            )
    reserve = quantity * worst_price * (1 + instrument.taker_fee_rate)
    return SizedOrder(quantity, reserve, tuple(steps))


def size_exit(held: Decimal, instrument: Instrument) -> Decimal:
    """All that is held, on the lot grid (zero if less than one lot)."""
    quantity = instrument.floor_quantity(held)
    return quantity if quantity >= instrument.min_quantity else Decimal(0)
