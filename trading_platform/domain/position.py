"""A holding of one symbol from its first buy to its last sell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Side

ZERO = Decimal(0)


@dataclass(frozen=True)
class Position:
    """A holding; closed once what is left can't be sold (less than one lot, or than the venue's smallest order).

    Parameters
    ----------
    entry_candle_close
        Close of the candle whose signal opened it (venue clock): only a later exit signal closes it.
    quantity
        Base held now, after fees taken in base. What is left at the close (dust) moves into the next position.
    cost_quote
        What the held quantity cost, fees included.
    invested_quote
        What all that was bought for it cost, fees in quote included; without what left by another way than a sale.
    realized_pnl_quote
        Proceeds less cost of all that was sold, fees included.
    """

    account: str
    symbol: str
    strategy: str
    entry_candle_close: datetime
    opened_at: datetime
    quantity: Decimal = ZERO
    bought_quantity: Decimal = ZERO
    cost_quote: Decimal = ZERO
    invested_quote: Decimal = ZERO
    realized_pnl_quote: Decimal = ZERO
    closed_at: datetime | None = None

    @property
    def average_price(self) -> Decimal | None:
        """Cost per unit held."""
        return self.cost_quote / self.quantity if self.quantity else None

    @property
    def is_open(self) -> bool:
        """Whether the holding still counts."""
        return self.closed_at is None

    @property
    def return_on_cost(self) -> Decimal | None:
        """Profit per quote that was invested, fees included; None if nothing was."""
        return self.realized_pnl_quote / self.invested_quote if self.invested_quote else None

    @property
    def is_trade(self) -> bool:
        """Whether it won or lost anything by trading; not if all that was bought left the account unsold."""
        return self.invested_quote > 0 or self.realized_pnl_quote != 0

    def apply(self, side: Side, fill: Fill, instrument: Instrument) -> Position:
        """The position after one more fill.

        A fee in base shrinks what is held, a fee in quote raises the cost or shrinks the proceeds; a fee in a third
        asset is booked in that asset's balance only.
        """
        fee_in_base = fill.fee if fill.fee_asset == instrument.base else ZERO
        fee_in_quote = fill.fee if fill.fee_asset == instrument.quote else ZERO
        if side is Side.BUY:
            held = max(self.quantity + fill.quantity - fee_in_base, ZERO)
            return replace(
                self,
                quantity=held,
                bought_quantity=self.bought_quantity + fill.quantity,
                cost_quote=self.cost_quote + fill.quote_amount + fee_in_quote,
                invested_quote=self.invested_quote + fill.quote_amount + fee_in_quote,
                # less than one lot can't be sold: kept open, it would block its symbol for good
                closed_at=fill.time if instrument.floor_quantity(held) < _smallest_lot(instrument) else None,
            )
        sold = fill.quantity + fee_in_base
        cost_of_sold = self.cost_quote * sold / self.quantity if sold < self.quantity else self.cost_quote
        left = max(self.quantity - sold, ZERO)
        return replace(
            self,
            quantity=left,
            cost_quote=self.cost_quote - cost_of_sold,
            realized_pnl_quote=self.realized_pnl_quote + fill.quote_amount - fee_in_quote - cost_of_sold,
            # what is left below the smallest order can't be sold either
            closed_at=None if instrument.is_tradable(instrument.floor_quantity(left), fill.price) else fill.time,
        )

    def cut_to(self, there: Decimal, instrument: Instrument, at: datetime) -> Position:
        """The position once it holds no more than `there`: the rest left the account by another way than a sale.

        What left takes its share of the cost with it, and of what was invested: no profit, no loss, and the return is
        that of what was traded. A rest of less than one lot closes it, and wasn't traded either.
        """
        if there >= self.quantity:
            return self
        cost_of_gone = self.cost_quote - self.cost_quote * there / self.quantity
        is_over = there == 0 or instrument.floor_quantity(there) < _smallest_lot(instrument)
        return replace(
            self,
            quantity=there,
            cost_quote=self.cost_quote - cost_of_gone,
            # the cost may hold that of dust carried in, which wasn't invested here
            invested_quote=max(self.invested_quote - (self.cost_quote if is_over else cost_of_gone), ZERO),
            closed_at=at if is_over else self.closed_at,
        )

    def left_as_dust(self, at: datetime) -> Position:
        """The position closed over what no order can sell, which moves into the next one with its cost.

        What it was bought for counts as invested no more than what left unsold does.
        """
        return replace(self, invested_quote=max(self.invested_quote - self.cost_quote, ZERO), closed_at=at)

    def carry_into(self, opened: Position) -> tuple[Position, Position]:
        """Move what a closed position left over (dust) into `opened`: the closed one after it, and the new one."""
        emptied = replace(self, quantity=ZERO, cost_quote=ZERO)
        carried = replace(
            opened, quantity=opened.quantity + self.quantity, cost_quote=opened.cost_quote + self.cost_quote
        )
        return emptied, carried


def _smallest_lot(instrument: Instrument) -> Decimal:
    return max(instrument.min_quantity, instrument.lot_step)
