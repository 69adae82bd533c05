"""Every method of the port as one transaction over the ledger's modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from trading_platform.adapters.postgres.engine import reading, transaction
from trading_platform.adapters.postgres.ledger import (
    accounts,
    booking,
    marks,
    order_events,
    orders,
    positions,
    reservations,
    signals,
)
from trading_platform.adapters.postgres.ledger.control import PostgresAccountControl
from trading_platform.adapters.postgres.ledger.transfers import book as book_transfers
from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order, OrderReport, OrderStatus, Side
from trading_platform.domain.order_machine import OrderEvent, OrderEventKind
from trading_platform.domain.position import Position
from trading_platform.domain.signal import Signal
from trading_platform.domain.transfer import Transfer
from trading_platform.ports.ledger import AccountState, Decision, EquityPoint, HeldReservation, StrategySeries


class PostgresLedger(PostgresAccountControl):
    """Fills the role `Ledger`."""

    def open_account(self, name: str, quote: str, mode: str, opened_at: datetime) -> None:
        """Make the account if it isn't there; FixSettings if it is there with another quote or mode."""
        with transaction(self._engine) as connection:
            accounts.open_account(connection, name, quote, mode, opened_at)

    def account(self, name: str) -> AccountState:
        """State of the account."""
        with reading(self._engine) as connection:
            return accounts.read_account(connection, name)

    def record_signals(self, signals_: Sequence[Signal], recorded_at: datetime) -> int:
        """Insert those that are new; how many were."""
        with transaction(self._engine) as connection:
            return signals.record_signals(connection, signals_, recorded_at)

    def mark_evaluated(self, account: str, through: Mapping[StrategySeries, datetime]) -> None:
        """Remember that candles opening up to `through` were judged."""
        with transaction(self._engine) as connection:
            signals.mark_evaluated(connection, account, through)

    def evaluated_through(self, account: str) -> Mapping[StrategySeries, datetime]:
        """Open time of the newest judged candle of every series."""
        with reading(self._engine) as connection:
            return signals.evaluated_through(connection, account)

    def open_signals(self, account: str) -> list[Signal]:
        """Signals without a final decision, oldest candle close first."""
        with reading(self._engine) as connection:
            return signals.open_signals(connection, account)

    def recent_signals(
        self, account: str, limit: int, symbol: str | None = None, strategy: str | None = None
    ) -> list[Signal]:
        """Newest candle close first."""
        with reading(self._engine) as connection:
            return signals.recent_signals(connection, account, limit, symbol, strategy)

    def record_decision(self, decision: Decision) -> None:
        """Store a decision; a repeated one only updates its time and message."""
        with transaction(self._engine) as connection:
            signals.record_decision(connection, decision)

    def reserve(self, order: Order, decision: Decision, *, replaces: str | None = None) -> None:
        """Commit intent, reservation and approving decision together, under the account's lock."""
        with transaction(self._engine) as connection:
            orders.reserve(connection, order, decision, replaces)

    def reserve_list(self, orders_: Sequence[Order], decision: Decision) -> None:
        """Commit the intents of a stop and its target, their common reservation and the approving decision."""
        with transaction(self._engine) as connection:
            orders.reserve_list(connection, orders_, decision)

    def mark_submitted(self, client_order_id: str, at: datetime) -> None:
        """Intended becomes submitted."""
        with transaction(self._engine) as connection:
            orders.mark_submitted(connection, client_order_id, at)

    def mark_unknown(self, client_order_id: str, why: str, at: datetime) -> None:
        """The answer was lost; the reservation stays."""
        with transaction(self._engine) as connection:
            orders.mark_unknown(connection, client_order_id, why, at)

    def request_cancel(self, client_order_id: str, why: str, at: datetime) -> None:
        """The cancel is about to leave."""
        with transaction(self._engine) as connection:
            orders.request_cancel(connection, client_order_id, why, at)

    def forget_cancel(self, client_order_id: str, requested_at: datetime, why: str, at: datetime) -> None:
        """The cancel requested then can't arrive any more."""
        with transaction(self._engine) as connection:
            orders.forget_cancel(connection, client_order_id, requested_at, why, at)

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
        """A definite end without fills; releases the reservation once."""
        kind = OrderEventKind.REJECTED if rejected else OrderEventKind.EXPIRED
        with transaction(self._engine) as connection:
            orders.close_unfilled(connection, client_order_id, kind, why, code, at, seen)

    def book(self, report: OrderReport, instrument: Instrument, at: datetime) -> Order:
        """Book a report in one transaction; the order afterwards."""
        with transaction(self._engine) as connection:
            return booking.book(connection, report, instrument, at)

    def unsettled_orders(self, account: str) -> list[Order]:
        """Orders that aren't final, exits first, then oldest first."""
        with reading(self._engine) as connection:
            return orders.unsettled_orders(connection, account)

    def order(self, client_order_id: str) -> Order | None:
        """The order of that id."""
        with reading(self._engine) as connection:
            return orders.find_order(connection, client_order_id)

    def order_events(self, client_order_id: str) -> list[OrderEvent]:
        """Everything that happened to the order."""
        with reading(self._engine) as connection:
            return order_events.read_events(connection, client_order_id)

    def entry_signal(self, position: Position) -> Signal | None:
        """The signal whose entry opened the position."""
        with reading(self._engine) as connection:
            return signals.entry_signal(connection, position)

    def orders_of_signal(self, account: str, signal_id: str) -> list[Order]:
        """All of the signal's orders, oldest first."""
        with reading(self._engine) as connection:
            return orders.orders_of_signal(connection, account, signal_id)

    def note_asked(self, client_order_id: str, at: datetime) -> None:
        """Remember when the venue last told of it."""
        with transaction(self._engine) as connection:
            orders.note_asked(connection, client_order_id, at)

    def exit_legs(self, account: str, signal_id: str) -> int:
        """How many exit orders this signal already has."""
        with reading(self._engine) as connection:
            return orders.exit_legs(connection, account, signal_id)

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
        """Adopt the venue's totals per asset with what explains them, unless the account has moved on."""
        with transaction(self._engine) as connection:
            adopted = accounts.reconcile(connection, account, venue_totals, at_revision, at, venue_time)
            if adopted:
                book_transfers(connection, account, transfers)
            return adopted

    def cut_position(self, account: str, instrument: Instrument, at: datetime) -> Position | None:
        """Make the symbol's open position hold no more than the account's total of its base."""
        with transaction(self._engine) as connection:
            return positions.cut(connection, account, instrument, at)

    def close_dust(self, account: str, instrument: Instrument, price: Decimal, at: datetime) -> Position | None:
        """Close the symbol's open position if what it holds is no order for the venue."""
        with transaction(self._engine) as connection:
            return positions.close_dust(connection, account, instrument, price, at)

    def open_positions(self, account: str) -> list[Position]:
        """Positions that are open."""
        with reading(self._engine) as connection:
            return positions.open_positions(connection, account)

    def closed_trades(
        self, account: str, limit: int, *, strategy: str | None = None, since: datetime | None = None
    ) -> list[Position]:
        """Positions that were closed, newest close first."""
        with reading(self._engine) as connection:
            return positions.closed_trades(connection, account, limit, strategy, since)

    def last_closed_at(self, account: str, symbol: str) -> datetime | None:
        """Venue time at which the symbol's newest position was closed."""
        with reading(self._engine) as connection:
            return positions.last_closed_at(connection, account, symbol)

    def record_equity(self, point: EquityPoint) -> None:
        """Insert or replace the point of that minute."""
        with transaction(self._engine) as connection:
            positions.record_equity(connection, point)

    def mark_equity(self, point: EquityPoint, *, at_revision: int) -> EquityMarks | None:
        """Move the account's marks on by a valuation of that revision; the marks afterwards."""
        with transaction(self._engine) as connection:
            return marks.mark_equity(connection, point, at_revision)

    def equity_history(self, account: str, limit: int) -> list[EquityPoint]:
        """Newest so many points, ascending."""
        with reading(self._engine) as connection:
            return positions.equity_history(connection, account, limit)

    def equity_course(self, account: str, steps: int) -> list[EquityPoint]:
        """The whole history thinned out, ascending."""
        with reading(self._engine) as connection:
            return positions.equity_course(connection, account, steps)

    def recent_orders(self, account: str, limit: int) -> list[Order]:
        """Newest orders first."""
        with reading(self._engine) as connection:
            return orders.recent_orders(connection, account, limit)

    def fills_of(self, client_order_id: str) -> list[Fill]:
        """The order's fills, oldest first."""
        with reading(self._engine) as connection:
            return booking.fills_of(connection, client_order_id)

    def recent_fills(self, account: str, limit: int) -> list[tuple[str, Side, Fill]]:
        """Newest fills first: symbol, side, fill."""
        with reading(self._engine) as connection:
            return booking.recent_fills(connection, account, limit)

    def signals_named(self, account: str, name: str, limit: int) -> list[Signal]:
        """Signals whose own id, or an order's, begins so."""
        with reading(self._engine) as connection:
            return signals.signals_named(connection, account, name, limit)

    def decisions_about(self, account: str, signal_id: str) -> list[Decision]:
        """All decisions of one signal, oldest first."""
        with reading(self._engine) as connection:
            return signals.decisions_about(connection, account, signal_id)

    def reservation(self, client_order_id: str) -> HeldReservation | None:
        """What the order holds, or held."""
        with reading(self._engine) as connection:
            return reservations.find(connection, client_order_id)

    def position_entered_by(self, account: str, symbol: str, strategy: str, candle_close: datetime) -> Position | None:
        """The strategy's newest position whose entry candle had closed by then."""
        with reading(self._engine) as connection:
            return positions.position_entered_by(connection, account, symbol, strategy, candle_close)

    def orders_of_position(self, position: Position) -> list[Order]:
        """Orders of the signals that opened it and said to close it."""
        with reading(self._engine) as connection:
            return orders.orders_of_position(connection, position)

    def recent_decisions(self, account: str, limit: int) -> list[Decision]:
        """Newest decisions first."""
        with reading(self._engine) as connection:
            return signals.recent_decisions(connection, account, limit)
