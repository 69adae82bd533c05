"""A tradable pair and the exchange's own rules (filters) for orders in it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal


def floor_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of `step` not above `amount`; a zero step means no grid."""
    return amount if step == 0 else (amount / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """Smallest multiple of `step` not below `amount`; a zero step means no grid."""
    return amount if step == 0 else (amount / step).to_integral_value(ROUND_CEILING) * step


@dataclass(frozen=True)
class Instrument:
    """A spot pair.

    Parameters
    ----------
    symbol
        Unified name, ``BTC/USDT``.
    tick_size
        Grid of prices, in quote.
    lot_step, min_quantity, max_quantity
        Grid and bounds of an order's quantity, in base (the tighter of LOT_SIZE and MARKET_LOT_SIZE).
    min_notional_quote
        Smallest price times quantity that the exchange accepts.
    taker_fee_rate
        Fraction of what is received that a taker pays, for example ``0.001``.
    min_sell_price_ratio, max_sell_price_ratio
        Bounds of a sell's limit price as multiples of the market's average price (PERCENT_PRICE); None: no bound.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal | None
    min_notional_quote: Decimal
    taker_fee_rate: Decimal
    maker_fee_rate: Decimal
    min_sell_price_ratio: Decimal | None = None
    max_sell_price_ratio: Decimal | None = None

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Quantity rounded down to the lot grid and cut to the largest order."""
        capped = quantity if self.max_quantity is None else min(quantity, self.max_quantity)
        return floor_to_step(capped, self.lot_step)

    def is_tradable(self, quantity: Decimal, price: Decimal) -> bool:
        """Whether an order of `quantity` at `price` passes lot size and minimum notional."""
        on_grid = quantity == self.floor_quantity(quantity)
        return (
            on_grid and quantity >= self.min_quantity and quantity > 0 and (quantity * price >= self.min_notional_quote)
        )

    def takes_sell_price(self, limit_price: Decimal, market_price: Decimal) -> bool:
        """Whether a sell at `limit_price` is near enough to the market for the venue."""
        lowest, highest = self.min_sell_price_ratio, self.max_sell_price_ratio
        above = lowest is None or limit_price >= lowest * market_price
        return above and (highest is None or limit_price <= highest * market_price)
