"""An order book's levels, and what a market order would get from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from trading_platform.domain.order import Side

BPS = Decimal(10_000)
ZERO = Decimal(0)


class BookLevel(NamedTuple):
    """What is offered at one price, in base."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True)
class OrderBook:
    """The best levels of both sides.

    Parameters
    ----------
    bids, asks
        Best price first.
    received_at
        Wall clock.
    """

    symbol: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    received_at: datetime

    def average_price(self, side: Side, quantity: Decimal) -> Decimal | None:
        """What a market order of `quantity` would pay, or get, per unit; None if the levels hold less than it."""
        left, amount = quantity, ZERO
        for price, offered in self.asks if side is Side.BUY else self.bids:
            taken = min(left, offered)
            amount += taken * price
            left -= taken
            if left == 0:
                return amount / quantity
        return None


def slippage_bps(side: Side, reference: Decimal, price: Decimal) -> Decimal:
    """How much worse than `reference` a price is, in basis points of it; negative if it is better."""
    worse = price - reference if side is Side.BUY else reference - price
    return worse / reference * BPS


def average_fill_price(amounts: Sequence[tuple[Decimal, Decimal]]) -> Decimal | None:
    """Average of (price, quantity) weighted by quantity; None without any."""
    quantity = sum((each for _, each in amounts), ZERO)
    return None if quantity == 0 else sum((price * each for price, each in amounts), ZERO) / quantity
