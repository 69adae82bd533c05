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


def plain(number: Decimal) -> str:
    """An amount as people read it: no exponent, no zeros at its end."""
    return format(number.normalize(), "f")


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
    min_notional_quote, max_notional_quote
        Bounds of price times quantity; a maximum of None is no bound.
    taker_fee_rate
        Fraction of what is received that a taker pays, for example ``0.001``.
    min_price, max_price
        Bounds of an order's price, in quote.
    min_sell_price_ratio, max_sell_price_ratio
        Bounds of a sell's limit price as multiples of the market's average price (PERCENT_PRICE); None: no bound.
    max_orders, max_algo_orders
        How many orders of the symbol may rest at the exchange, and how many of them may wait for a price.
    max_position
        Most of the base that the account may hold or be buying (MAX_POSITION).
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
    min_price: Decimal = Decimal(0)
    max_price: Decimal | None = None
    max_notional_quote: Decimal | None = None
    min_sell_price_ratio: Decimal | None = None
    max_sell_price_ratio: Decimal | None = None
    max_orders: int | None = None
    max_algo_orders: int | None = None
    max_position: Decimal | None = None

    @classmethod
    def unlisted(cls, symbol: str) -> Instrument:
        """A pair that the venue lists no more: it has no rules, and what was traded in it is booked all the same."""
        base, _, quote = symbol.partition("/")
        none = Decimal(0)
        return cls(symbol, base, quote, none, none, none, None, none, none, none)

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

    def smallest_quantity(self, price: Decimal) -> Decimal:
        """Smallest quantity on the grid that passes lot size and minimum notional at `price`."""
        least = max(self.min_quantity, self.lot_step, self.min_notional_quote / price)
        quantity = ceil_to_step(least, self.lot_step)
        # the quotient may have been rounded down onto the grid
        return quantity + self.lot_step if quantity * price < self.min_notional_quote else quantity

    def largest_notional(self, price: Decimal) -> Decimal | None:
        """Most that one order at `price` may be worth; None without a bound."""
        quantities = [most * price for most in (self.max_quantity, self.max_position) if most is not None]
        return min([*quantities, *([] if self.max_notional_quote is None else [self.max_notional_quote])], default=None)

    def takes_sell_price(self, limit_price: Decimal, market_price: Decimal) -> bool:
        """Whether a sell at `limit_price` is near enough to the market for the venue."""
        lowest, highest = self.min_sell_price_ratio, self.max_sell_price_ratio
        above = lowest is None or limit_price >= lowest * market_price
        return above and (highest is None or limit_price <= highest * market_price)

    def is_price(self, price: Decimal) -> bool:
        """Whether an order may have that price: on the tick grid and within the bounds."""
        on_grid = price == floor_to_step(price, self.tick_size)
        return on_grid and price >= self.min_price and (self.max_price is None or price <= self.max_price)
