"""Everything that the account rules look at, read beforehand: one moment of an account and a candidate for an entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.halt import Halt
from trading_platform.domain.venue_time import VenueTime


@dataclass(frozen=True)
class ClosedTrade:
    """A position's end: what it brought, in quote, and when (venue clock)."""

    symbol: str
    closed_at: datetime
    pnl_quote: Decimal


@dataclass(frozen=True)
class AccountView:
    """An account at one moment, and the symbol that is to be bought.

    Parameters
    ----------
    halt
        The halt in force, None if trading is allowed.
    equity_quote
        Worth of the account, open positions at the bid.
    marks
        What the equity is measured against.
    closed_trades
        Newest first, since the last resume.
    symbol_closed_at
        Venue time at which the symbol's newest position was closed.
    exposure_quote
        Per symbol what is held, at the bid, and what entries in flight may still buy.
    entries_at
        Venue times of the newest approved entries, whatever became of them.
    ask, last
        The candidate's price, and that of its last trade.
    closes
        The candidate's newest closed candles, oldest first.
    returns
        Log returns per symbol and candle (open time), of the candidate and of what is held or being bought.
    reconciled_at
        Wall clock of the last agreement with the venue.
    smallest_order_quote
        What an entry must at least be worth.
    """

    symbol: str
    time: VenueTime
    equity_quote: Decimal
    smallest_order_quote: Decimal
    ask: Decimal
    last: Decimal
    halt: Halt | None = None
    marks: EquityMarks | None = None
    closed_trades: Sequence[ClosedTrade] = ()
    symbol_closed_at: datetime | None = None
    exposure_quote: Mapping[str, Decimal] = field(default_factory=dict)
    entries_at: Sequence[datetime] = ()
    closes: Sequence[Decimal] = ()
    returns: Mapping[str, Mapping[datetime, float]] = field(default_factory=dict)
    reconciled_at: datetime | None = None
    is_live: bool = False

    @property
    def total_exposure_quote(self) -> Decimal:
        """All that is held or being bought."""
        return sum(self.exposure_quote.values(), Decimal(0))
