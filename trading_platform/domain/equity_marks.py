"""What the account's worth is measured against: its peak, and its worth when the day began.

Money that the owner brings or takes is no profit and no loss: the marks are scaled by it as units of a fund are, so
that the same trading gives the same drawdown whatever is paid in or out meanwhile (the time-weighted return of the
Global Investment Performance Standards).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class EquityMarks:
    """Marks of one account, in quote.

    Parameters
    ----------
    peak_quote
        Highest equity since the account was opened or last resumed.
    day, day_open_quote
        UTC day on the venue's clock, and the newest equity known when it began.
    last_quote
        Newest equity.
    """

    peak_quote: Decimal
    day: date
    day_open_quote: Decimal
    last_quote: Decimal

    @classmethod
    def beginning(cls, equity_quote: Decimal, venue_time: datetime) -> EquityMarks:
        """Marks of an account of which nothing else is known."""
        return cls(equity_quote, venue_time.astimezone(UTC).date(), equity_quote, equity_quote)

    def after(self, equity_quote: Decimal, venue_time: datetime) -> EquityMarks:
        """The marks after one more valuation; what was lost while nobody looked counts for the day that follows."""
        day = venue_time.astimezone(UTC).date()
        begins = day > self.day
        return EquityMarks(
            peak_quote=max(self.peak_quote, equity_quote),
            day=day if begins else self.day,
            day_open_quote=self.last_quote if begins else self.day_open_quote,
            last_quote=equity_quote,
        )

    def after_transfer(self, equity_before_quote: Decimal, amount_quote: Decimal) -> EquityMarks | None:
        """The marks after the owner's money came (or, negative, went); None if they begin anew.

        Parameters
        ----------
        equity_before_quote
            Worth of the account just before.
        """
        after = equity_before_quote + amount_quote
        if equity_before_quote <= 0 or after <= 0:
            return None
        factor = after / equity_before_quote
        return replace(
            self,
            peak_quote=self.peak_quote * factor,
            day_open_quote=self.day_open_quote * factor,
            last_quote=self.last_quote * factor,
        )

    def after_resume(self) -> EquityMarks:
        """The drawdown is measured from here on, or the resume would be undone at once."""
        return replace(self, peak_quote=self.last_quote)

    def drawdown_of(self, equity_quote: Decimal) -> Decimal:
        """Share of the peak that is lost, 0 at a new peak."""
        if self.peak_quote <= 0:
            return Decimal(0)
        return max(1 - equity_quote / self.peak_quote, Decimal(0))
