"""Role: the one durable truth about money: signals, decisions, reservations, orders, fills, positions, balances.

Each method is one transaction. Every method raises RetryLater if the ledger can't be reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order, OrderReport, OrderStatus, Side
from trading_platform.domain.order_machine import OrderEvent
from trading_platform.domain.position import Position
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.transfer import Transfer
from trading_platform.ports.account_control import AccountControl


@dataclass(frozen=True)
class AssetBalance:
    """Ledger's balance of one asset; ``0 <= reserved <= total`` is enforced by the database (I2)."""

    total: Decimal
    reserved: Decimal

    @property
    def free(self) -> Decimal:
        """What no reservation holds."""
        return self.total - self.reserved


@dataclass(frozen=True)
class AccountState:
    """An account at one moment.

    Parameters
    ----------
    revision
        Grows with every reservation, booking and reconciliation: whoever read the venue's balances at one revision
        may only write them at the same one.
    orders_in_flight
        Orders whose outcome isn't known yet; what lies still at the venue (`Order.lies_still`) isn't among them.
    reconciled_at
        Wall clock of the last reconciliation with the venue, None before the first.
    reconciled_venue_time
        The same on the venue's clock, None if it wasn't told.
    """

    name: str
    quote: str
    revision: int
    balances: Mapping[str, AssetBalance]
    orders_in_flight: int
    reconciled_at: datetime | None
    reconciled_venue_time: datetime | None = None


@dataclass(frozen=True)
class StrategySeries:
    """A series of candles as one version of a strategy judges it."""

    strategy: str
    strategy_version: str
    symbol: str
    interval: str


@dataclass(frozen=True)
class Decision:
    """What was decided about one leg of a signal, and on what grounds.

    Parameters
    ----------
    is_final
        False while an entry is only put off: the signal stays open. One row is kept per signal, leg and reason.
    details
        Checks relied on, sizing steps, settings fingerprint, run id: JSON values only.
    """

    account: str
    signal_id: str
    leg: str
    reason: ReasonCode
    message: str
    is_final: bool
    decided_at: datetime
    venue_time: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HeldReservation:
    """What an order holds of a balance.

    Parameters
    ----------
    state
        ``active``; ``settled`` by fills; ``released`` without any.
    """

    asset: str
    amount: Decimal
    remaining: Decimal
    state: str


@dataclass(frozen=True)
class EquityPoint:
    """Worth of the account at a venue time; one row per account and minute of the venue's clock."""

    account: str
    venue_time: datetime
    cash_quote: Decimal
    positions_quote: Decimal
    recorded_at: datetime

    @property
    def equity_quote(self) -> Decimal:
        """Cash and positions."""
        return self.cash_quote + self.positions_quote


class Ledger(AccountControl, Protocol):
    """The ledger of every account."""

    def open_account(self, name: str, quote: str, mode: str, opened_at: datetime) -> None:
        """Make the account if it isn't there (with no balances: reconciling brings them)."""
        ...

    def account(self, name: str) -> AccountState:
        """State of the account. KeyError-free: an unknown account raises FixSettings."""
        ...

    # signals
    def record_signals(self, signals: Sequence[Signal], recorded_at: datetime) -> int:
        """Insert those that are new (by identity); how many were."""
        ...

    def mark_evaluated(self, account: str, through: Mapping[StrategySeries, datetime]) -> None:
        """Remember that candles opening up to `through` were judged (never moves back)."""
        ...

    def evaluated_through(self, account: str) -> Mapping[StrategySeries, datetime]:
        """Open time of the newest judged candle of every series that a strategy has judged."""
        ...

    def open_signals(self, account: str) -> list[Signal]:
        """Signals without a final decision, oldest candle close first."""
        ...

    def recent_signals(
        self, account: str, limit: int, symbol: str | None = None, strategy: str | None = None
    ) -> list[Signal]:
        """Newest candle close first; of one symbol or strategy if named."""
        ...

    # decisions, reservations, orders
    def record_decision(self, decision: Decision) -> None:
        """Store a decision; a repeated one of the same signal, leg and reason only updates its time and message."""
        ...

    def reserve(self, order: Order, decision: Decision, *, replaces: str | None = None) -> None:
        """Commit intent, reservation and approving decision together, under the account's lock (I2, I3).

        The reservation is made in ``order.reserved_asset`` of ``order.reserved_amount``. `replaces` is the client id
        of an order that has ended and whose place the new one takes at another price: its events say so.

        Raises
        ------
        InsufficientFree
            If total less reserved doesn't cover it; nothing is written.
        AccountHalted
            If it is an entry and the account is halted; nothing is written.
        NotArmed
            If it is an entry for real money, and the account isn't armed; nothing is written.
        AlreadyDone
            If an order of that client order id exists; nothing is written.
        TransitionForbidden
            If the order that it `replaces` hasn't ended; nothing is written.
        """
        ...

    def reserve_list(self, orders: Sequence[Order], decision: Decision) -> None:
        """The same for a stop and its target, or for a stop alone, in one transaction.

        The two orders of a list are over the same base, which the stop reserves; of whichever ends first, the other
        one takes over what is reserved.

        Raises
        ------
        InsufficientFree, AlreadyDone
            As above; AlreadyDone also if another stop of the symbol isn't final. Nothing is written.
        """
        ...

    def mark_submitted(self, client_order_id: str, at: datetime) -> None:
        """Intended becomes submitted: committed before the request leaves.

        Raises
        ------
        AlreadyDone
            If the order is no longer merely intended: somebody else has sent or closed it.
        AccountHalted, NotArmed
            If it is an entry, and the account was halted or its arming ended since it was reserved; it stays intended.
        """
        ...

    def mark_unknown(self, client_order_id: str, why: str, at: datetime) -> None:
        """The answer was lost; the reservation stays (I4)."""
        ...

    def request_cancel(self, client_order_id: str, why: str, at: datetime) -> None:
        """Committed before a cancel leaves; what the cancel led to is booked by its report.

        Raises
        ------
        TransitionForbidden
            If the order was never sent, or has ended.
        """
        ...

    def forget_cancel(self, client_order_id: str, requested_at: datetime, why: str, at: datetime) -> None:
        """The cancel requested then can't arrive any more: the order rests as if it hadn't been.

        Nothing happens if it has been requested again since, or if the order has ended.
        """
        ...

    def close_unfilled(
        self,
        client_order_id: str,
        *,
        rejected: bool,
        why: str,
        code: str,
        at: datetime,
        seen: OrderStatus | None = None,
    ) -> None:
        """A definite end without fills: rejected, or expired (never arrived). Releases the reservation once.

        Nothing happens if the venue has confirmed the order since, or if it no longer has the status `seen`: an
        intent that is given up must not be one that is just leaving.
        """
        ...

    def book(self, report: OrderReport, instrument: Instrument, at: datetime) -> Order:
        """Book a report: new fills, balances, position, reservation and order status in one transaction (I5).

        Fills are identified by the venue's trade id, so booking a report again changes nothing. While the order isn't
        final the reservation shrinks by what the fills used; when it is, the rest is released. A report never moves
        an order back from a final status. A first buy opens a position that takes the strategy, and the candle close,
        of the order's signal; a later one adds to it.

        Raises
        ------
        TransitionForbidden
            If the report can't be true of the order (a refusal after fills, for instance); nothing is written.
        """
        ...

    def unsettled_orders(self, account: str) -> list[Order]:
        """Orders that aren't final, exits first, then oldest first."""
        ...

    def order(self, client_order_id: str) -> Order | None:
        """The order of that id."""
        ...

    def order_events(self, client_order_id: str) -> list[OrderEvent]:
        """Everything that happened to the order, first to last; replayed, it gives the order's state."""
        ...

    def entry_signal(self, position: Position) -> Signal | None:
        """The signal whose entry opened the position."""
        ...

    def orders_of_signal(self, account: str, signal_id: str) -> list[Order]:
        """All of the signal's orders, oldest first."""
        ...

    def note_asked(self, client_order_id: str, at: datetime) -> None:
        """Remember when the venue last told of an order that rests: nothing that happened to it, so no event."""
        ...

    def exit_legs(self, account: str, signal_id: str) -> int:
        """How many exit orders this signal already has."""
        ...

    # balances, positions, equity
    def reconcile(
        self,
        account: str,
        venue_totals: Mapping[str, Decimal],
        *,
        at_revision: int,
        at: datetime,
        venue_time: datetime | None = None,
        transfers: Sequence[Transfer] = (),
    ) -> bool:
        """Adopt the venue's totals per asset; False, and nothing written, if the account moved on since
        `at_revision`, an order is in flight, or orders at rest hold more than a total. Differences are kept in the
        balances' history.

        Parameters
        ----------
        transfers
            What explains the differences: kept, and taken out of the equity's marks, in the same transaction. One
            whose venue id is known already is left out.
        """
        ...

    def cut_position(self, account: str, instrument: Instrument, at: datetime) -> Position | None:
        """Make the symbol's open position hold no more than the account's total of its base; the position afterwards.

        What is gone left by another way than a sale, so nothing is realised (`Position.cut_to`). None, and nothing
        written, if there is no such position, or if it holds no more than that.

        Parameters
        ----------
        at
            Venue time at which it is closed, if less than one lot is left.
        """
        ...

    def close_dust(self, account: str, instrument: Instrument, price: Decimal, at: datetime) -> Position | None:
        """Close the symbol's open position if what it holds is no order for the venue at `price`; it afterwards.

        What it holds moves into the symbol's next position (`Position.left_as_dust`). None, and nothing written, if
        there is no such position, or if it can be sold.

        Parameters
        ----------
        at
            Venue time of its close.
        """
        ...

    def open_positions(self, account: str) -> list[Position]:
        """Positions that are open."""
        ...

    def closed_trades(
        self, account: str, limit: int, *, strategy: str | None = None, since: datetime | None = None
    ) -> list[Position]:
        """Positions that were closed, newest close first, those of one moment by symbol; without what left unsold.

        Parameters
        ----------
        strategy
            Only this one's; None for all.
        since
            Only those that were closed after it (venue clock).
        """
        ...

    def last_closed_at(self, account: str, symbol: str) -> datetime | None:
        """Venue time at which the symbol's newest position was closed."""
        ...

    def record_equity(self, point: EquityPoint) -> None:
        """Insert or replace the point of that minute."""
        ...

    def mark_equity(self, point: EquityPoint, *, at_revision: int) -> EquityMarks | None:
        """Move the account's marks on by a valuation; the marks afterwards.

        One that was made before the account's latest change moves nothing: half of a transfer must not look like a
        loss.
        """
        ...

    def equity_history(self, account: str, limit: int) -> list[EquityPoint]:
        """Newest so many points, ascending."""
        ...

    def equity_course(self, account: str, steps: int) -> list[EquityPoint]:
        """The whole history thinned out, ascending.

        Parameters
        ----------
        steps
            The time from the first point's minute to the newest one's is cut into so many, in whole minutes; of each
            cut, and of both ends, the newest point up to then.
        """
        ...

    def recent_orders(self, account: str, limit: int) -> list[Order]:
        """Newest orders first."""
        ...

    def fills_of(self, client_order_id: str) -> list[Fill]:
        """The order's fills, oldest first."""
        ...

    def recent_fills(self, account: str, limit: int) -> list[tuple[str, Side, Fill]]:
        """Newest fills first: symbol, side, fill."""
        ...

    # what became of a signal
    def signals_named(self, account: str, name: str, limit: int) -> list[Signal]:
        """Signals whose id begins so, or one of whose orders has a client id that begins so or that venue's id;
        newest candle close first."""
        ...

    def decisions_about(self, account: str, signal_id: str) -> list[Decision]:
        """All decisions of one signal, oldest first."""
        ...

    def reservation(self, client_order_id: str) -> HeldReservation | None:
        """What the order holds, or held; None if there is no such order."""
        ...

    def position_entered_by(self, account: str, symbol: str, strategy: str, candle_close: datetime) -> Position | None:
        """The strategy's newest position of the symbol whose entry candle had closed by then."""
        ...

    def orders_of_position(self, position: Position) -> list[Order]:
        """Orders of the signals that opened it and, until it was closed, said to close it; oldest first."""
        ...

    def recent_decisions(self, account: str, limit: int) -> list[Decision]:
        """Newest decisions first."""
        ...
