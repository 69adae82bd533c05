"""What a venue's report on an order changes: balances, reservation, status, position. Rules only, nothing is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order, OrderReport, OrderStatus, Side
from trading_platform.domain.position import Position

ZERO = Decimal(0)


@dataclass(frozen=True)
class Reservation:
    """What an order holds, alone or together with the other one of its list.

    Stop and target of a list are over the same base, of which only one can take: it is held once, and whichever of
    the two lives longer keeps what the other one leaves.

    Parameters
    ----------
    own
        Held in the order's own name.
    other
        Held in the name of the list's other order while that one isn't final; None without one.
    """

    own: Decimal
    other: Decimal | None = None

    @property
    def held(self) -> Decimal:
        """All of it."""
        return self.own + (self.other or ZERO)

    def after(self, used: Decimal, *, is_final: bool) -> Reservation:
        """What is held once fills have used so much of it; a final order holds nothing."""
        left = max(self.held - used, ZERO)
        if self.other is None:
            return Reservation(ZERO if is_final else left)
        own = ZERO if is_final else min(self.own, left)
        return Reservation(own, left - own)


@dataclass(frozen=True)
class OrderBooking:
    """An order after a report.

    Parameters
    ----------
    fills
        Those that weren't booked before.
    changes
        What they add to, or take from, each asset's total.
    reservation
        What is still held.
    """

    status: OrderStatus
    filled_quantity: Decimal
    fills: tuple[Fill, ...]
    changes: Mapping[str, Decimal]
    reservation: Reservation


@dataclass(frozen=True)
class BookedBalance:
    """A balance after a booking; `missing` is what the booking took beyond what was there."""

    total: Decimal
    reserved: Decimal
    missing: Decimal


@dataclass(frozen=True)
class PositionBooking:
    """The newest known position after a booking, and the one that the booking opened."""

    known: Position | None
    opened: Position | None


def book_report(
    order: Order,
    reservation: Reservation,
    booked_trade_ids: Collection[str],
    report: OrderReport,
    instrument: Instrument,
) -> OrderBooking:
    """Book a report on `order`, whose symbol has the fills `booked_trade_ids` already.

    A final order takes fills that come late, but never returns to a status that isn't final.
    """
    by_id = {fill.venue_trade_id: fill for fill in report.fills if fill.venue_trade_id not in booked_trade_ids}
    fills = tuple(sorted(by_id.values(), key=lambda fill: (fill.time, fill.venue_trade_id)))
    filled = order.filled_quantity + sum((fill.quantity for fill in fills), ZERO)
    status = _status_after(order, report, filled, bool(fills))
    changes = balance_changes(order.side, fills, instrument)
    used = max(-changes.get(order.reserved_asset, ZERO), ZERO)
    return OrderBooking(
        status=status,
        filled_quantity=filled,
        fills=fills,
        changes=changes,
        reservation=reservation.after(used, is_final=status.is_final),
    )


def balance_changes(side: Side, fills: Sequence[Fill], instrument: Instrument) -> dict[str, Decimal]:
    """What the fills add to, or take from, each asset, fees included."""
    changes: dict[str, Decimal] = defaultdict(Decimal)
    sign = 1 if side is Side.BUY else -1
    for fill in fills:
        changes[instrument.base] += sign * fill.quantity
        changes[instrument.quote] -= sign * fill.quote_amount
        changes[fill.fee_asset] -= fill.fee
    return dict(changes)


def book_balance(total: Decimal, reserved: Decimal, change: Decimal, released: Decimal) -> BookedBalance:
    """Balance after `change`, with `released` of its reservations given up.

    What others have reserved stays covered: a loss beyond the free balance is reported as missing, and the next
    reconciliation with the venue tells where it came from.
    """
    reserved_after = reserved - released
    total_after = total + change
    missing = max(reserved_after - total_after, ZERO)
    return BookedBalance(total_after + missing, reserved_after, missing)


def book_position(
    known: Position | None, order: Order, entry_candle_close: datetime, fills: Sequence[Fill], instrument: Instrument
) -> PositionBooking:
    """The symbol's position after `fills` of `order`.

    Parameters
    ----------
    known
        The open position or, without one, the newest closed: its dust moves into the next, and a sell's late fills
        still belong to it.
    entry_candle_close
        Candle close of the order's signal.
    """
    if not fills:
        return PositionBooking(known, None)
    if known is not None and (known.is_open or order.side is Side.SELL):
        return PositionBooking(_after(known, order.side, fills, instrument), None)
    if order.side is Side.SELL:
        return PositionBooking(None, None)
    opened = Position(order.account, order.symbol, order.strategy, entry_candle_close, fills[0].time)
    if known is not None:
        known, opened = known.carry_into(opened)
    return PositionBooking(known, _after(opened, order.side, fills, instrument))


def _status_after(order: Order, report: OrderReport, filled: Decimal, has_new_fills: bool) -> OrderStatus:
    status = report.status
    if filled < report.filled_quantity and status.is_final:
        status = OrderStatus.PARTIALLY_FILLED  # the venue still owes us fills: ask again
    elif status is OrderStatus.OPEN and (filled > 0 or order.status is OrderStatus.PARTIALLY_FILLED):
        status = OrderStatus.PARTIALLY_FILLED  # also when its fills are still owed, and an older answer comes late
    if order.status.is_final and not (status.is_final and has_new_fills):
        return order.status
    return status


def _after(position: Position, side: Side, fills: Sequence[Fill], instrument: Instrument) -> Position:
    for fill in fills:
        position = position.apply(side, fill, instrument)
    return position
