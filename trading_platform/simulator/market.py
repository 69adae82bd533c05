"""What a market must offer for orders to be matched in it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

from trading_platform.simulator.model import PublicTrade, SymbolRules


class Tick(NamedTuple):
    """A moment of a symbol's market.

    Parameters
    ----------
    number
        Grows with time and names the moment; the same after a restart.
    time_ms
        Market time.
    price
        Price of the last trade.
    bid, ask
        Best prices of the book.
    quantity
        What traded at this moment, in base asset.
    depth
        Quantity on a level of the book.
    """

    number: int
    time_ms: int
    price: Decimal
    bid: Decimal
    ask: Decimal
    quantity: Decimal
    depth: Decimal


class Market(Protocol):
    """Prices over time. Of archives, of a seeded generator, or of a real venue."""

    @property
    def symbols(self) -> tuple[SymbolRules, ...]: ...

    @property
    def interval_ms(self) -> int:
        """Length of the base candle; of no meaning on a live market."""
        ...

    def tick(self, symbol: str, now_ms: int) -> Tick:
        """The newest moment up to ``now_ms``; -1008 if the symbol has shown no price yet."""
        ...

    def number_at(self, symbol: str, now_ms: int) -> int:
        """Number of the newest moment up to ``now_ms``; -1 if there is none."""
        ...

    def next_tick(
        self, symbol: str, after: int, until_ms: int, below: Decimal | None, above: Decimal | None
    ) -> Tick | None:
        """The first moment after number ``after`` with a price up to ``below`` or from ``above`` on."""
        ...

    def require_open(self, symbol: str, now_ms: int) -> None:
        """Raise the exchange's refusal if orders can't be taken now."""
        ...

    def average_price(self, symbol: str, now_ms: int) -> Decimal:
        """Volume-weighted average over the minutes that the symbol's filters look back."""
        ...

    def trades(self, symbol: str, first: int, last_ms: int, limit: int) -> list[PublicTrade]:
        """Trades from number ``first`` on, up to a time, oldest first."""
        ...

    def close(self) -> None:
        """Let go of threads."""
        ...
