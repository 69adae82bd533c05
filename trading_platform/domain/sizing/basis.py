"""What a size is reckoned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_platform.domain.risk import PositionShareTier, largest_position_share


@dataclass(frozen=True)
class SizingBasis:
    """The account, the market and the strategy's record at the moment of the decision.

    Parameters
    ----------
    equity_quote, free_quote
        Worth of the account, and what of it no reservation holds.
    ask
        Price at which a market buy fills.
    stop_price
        Where the position would be given up.
    stop_limit
        The lowest price that its sell order would then ask; None: it sells at any price.
    volatility
        Standard deviation of the symbol's log return per year; None where it isn't known.
    trade_returns
        Profit per cost of the strategy's closed trades, fees included, newest first.
    """

    equity_quote: Decimal
    free_quote: Decimal
    ask: Decimal
    stop_price: Decimal
    stop_limit: Decimal | None = None
    volatility: float | None = None
    trade_returns: Sequence[Decimal] = ()

    @property
    def exit_price(self) -> Decimal:
        """The price by which the exchange judges the size of the exit."""
        return self.stop_price if self.stop_limit is None else self.stop_limit


@dataclass(frozen=True)
class EntryLimits:
    """What no method may go beyond.

    Parameters
    ----------
    fraction_of_equity
        Of the method `fixed_fraction`.
    tiers
        Largest share of the equity in one position, by size of the account.
    notional_floor_quote
        The smallest order that is worth its fees, in quote.
    slippage_bps
        By how much a market buy may fill above the ask.
    room_quote
        What the protections of the account leave for one more position; None: they bound nothing.
    """

    fraction_of_equity: Decimal
    tiers: Sequence[PositionShareTier]
    notional_floor_quote: Decimal
    slippage_bps: Decimal
    room_quote: Decimal | None = None

    def largest_share(self, equity_quote: Decimal) -> Decimal:
        """Share of the equity that one position of an account of that size may have."""
        return largest_position_share(self.tiers, equity_quote)
