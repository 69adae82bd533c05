"""The ledger in memory: the domain's booking rules over dictionaries, one lock instead of transactions."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce

from trading_platform.domain.booking import OrderBooking, Reservation, book_balance, book_position, book_report
from trading_platform.domain.errors import AlreadyDone, FixSettings, InsufficientFree, RetryLater, TransitionForbidden
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order, OrderKind, OrderReport, OrderStatus, Side
from trading_platform.domain.order_machine import OrderEvent, OrderEventKind, allows, apply, happened, reported
from trading_platform.domain.position import Position
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import LegKind, Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import Transfer
from trading_platform.ports.ledger import (
    AccountState,
    AssetBalance,
    Decision,
    EquityPoint,
    HeldReservation,
    StrategySeries,
)
from trading_platform_tests.fakes.account_control import FakeAccountControl

ZERO = Decimal(0)
NOTHING = AssetBalance(ZERO, ZERO)
_UNANSWERED = (OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


@dataclass
class _Account:
    quote: str
    mode: str
    revision: int = 0
    reconciled_at: datetime | None = None
    reconciled_venue_time: datetime | None = None
    balances: dict[str, AssetBalance] = field(default_factory=dict)
    equity: dict[datetime, EquityPoint] = field(default_factory=dict)
    positions: dict[str, list[Position]] = field(default_factory=lambda: defaultdict(list))
    fills: dict[tuple[str, str], tuple[str, Fill]] = field(default_factory=dict)


class FakeLedger(FakeAccountControl):
    """Fills the role `Ledger`.

    `events` has every status that an order's events left it in: client order id, status, reason, code.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._accounts: dict[str, _Account] = {}
        self._signals: dict[str, Signal] = {}
        self._progress: dict[tuple[str, StrategySeries], datetime] = {}
        self._decisions: dict[tuple[str, str, str], Decision] = {}
        self._orders: dict[str, Order] = {}
        self._remaining: dict[str, Decimal] = {}
        self._events: list[OrderEvent] = []
        self.is_down = False

    @property
    def events(self) -> list[tuple[str, OrderStatus, str, str | None]]:
        """What every event left behind, oldest first."""
        return [(event.client_order_id, event.status, event.reason, event.code) for event in self._events]

    # accounts
    def open_account(self, name: str, quote: str, mode: str, opened_at: datetime) -> None:
        """Make the account if it isn't there; FixSettings if it is there with another quote or mode."""
        with self._lock:
            self._answer()
            known = self._accounts.setdefault(name, _Account(quote, mode))
            if (known.quote, known.mode) != (quote, mode):
                raise FixSettings(f"account {name!r} was opened as {known.mode} in {known.quote}")

    def account(self, name: str) -> AccountState:
        """State of the account."""
        with self._lock:
            account = self._account(name)
            return AccountState(
                name=name,
                quote=account.quote,
                revision=account.revision,
                balances=dict(account.balances),
                orders_in_flight=len(self._in_flight(name)),
                reconciled_at=account.reconciled_at,
                reconciled_venue_time=account.reconciled_venue_time,
            )

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
        """Adopt the venue's totals with what explains them, unless the account has moved on."""
        with self._lock:
            state = self._account(account)
            if state.revision != at_revision or self._in_flight(account):
                return False
            if any(venue_totals.get(asset, ZERO) < balance.reserved for asset, balance in state.balances.items()):
                return False
            for asset in {*state.balances, *venue_totals}:
                before, total = state.balances.get(asset, NOTHING), venue_totals.get(asset, ZERO)
                if total != before.total:
                    state.balances[asset] = AssetBalance(total, before.reserved)
            state.reconciled_at, state.reconciled_venue_time = at, venue_time
            state.revision += 1
            self._book_transfers(account, transfers)
            return True

    def record_equity(self, point: EquityPoint) -> None:
        """Insert or replace the point of that minute."""
        with self._lock:
            minute = point.venue_time.replace(second=0, microsecond=0)
            self._account(point.account).equity[minute] = point

    def equity_history(self, account: str, limit: int) -> list[EquityPoint]:
        """Newest so many points, ascending."""
        with self._lock:
            points = [point for _, point in sorted(self._account(account).equity.items())]
            return points[max(len(points) - limit, 0) :]

    def equity_course(self, account: str, steps: int) -> list[EquityPoint]:
        """The whole history thinned out, ascending."""
        with self._lock:
            equity = sorted(self._account(account).equity.items())
        if not equity:
            return []
        first, last = equity[0][0], equity[-1][0]
        minutes = int((last - first).total_seconds()) // 60
        cuts = [first + timedelta(minutes=minutes * step // steps) for step in range(steps + 1)]
        newest = {max(minute for minute, _ in equity if minute <= cut) for cut in cuts}
        return [point for minute, point in equity if minute in newest]

    # signals and decisions
    def record_signals(self, signals: Sequence[Signal], recorded_at: datetime) -> int:
        """Insert those that are new; how many were."""
        with self._lock:
            self._answer()
            new = {signal.signal_id: signal for signal in signals if signal.signal_id not in self._signals}
            self._signals.update(new)
            return len(new)

    def mark_evaluated(self, account: str, through: Mapping[StrategySeries, datetime]) -> None:
        """Remember that candles up to `through` were judged."""
        with self._lock:
            self._answer()
            for series, moment in through.items():
                known = self._progress.get((account, series), moment)
                self._progress[account, series] = max(moment, known)

    def evaluated_through(self, account: str) -> Mapping[StrategySeries, datetime]:
        """Open time of the newest judged candle of every series."""
        with self._lock:
            self._answer()
            return {series: through for (owner, series), through in self._progress.items() if owner == account}

    def open_signals(self, account: str) -> list[Signal]:
        """Signals without a final decision, oldest candle close first."""
        with self._lock:
            self._answer()
            decided = {decision.signal_id for decision in self._decisions.values() if decision.is_final}
            found = [s for s in self._signals.values() if s.account == account and s.signal_id not in decided]
            return sorted(found, key=lambda signal: (signal.candle_close, signal.signal_id))

    def recent_signals(
        self, account: str, limit: int, symbol: str | None = None, strategy: str | None = None
    ) -> list[Signal]:
        """Newest candle close first."""
        with self._lock:
            self._answer()
            found = [
                signal
                for signal in self._signals.values()
                if signal.account == account and symbol in (None, signal.symbol) and strategy in (None, signal.strategy)
            ]
            found.sort(key=lambda signal: signal.signal_id)
            return sorted(found, key=lambda signal: signal.candle_close, reverse=True)[:limit]

    def record_decision(self, decision: Decision) -> None:
        """Store it; a repeated one only updates its time and message."""
        with self._lock:
            self._answer()
            if decision.signal_id not in self._signals:
                raise LookupError(f"no signal {decision.signal_id}")
            key = (decision.signal_id, decision.leg, decision.reason)
            first = self._decisions.get(key, decision)
            self._decisions[key] = replace(
                decision, details=first.details, is_final=first.is_final or decision.is_final
            )

    def recent_decisions(self, account: str, limit: int) -> list[Decision]:
        """Newest decisions first."""
        with self._lock:
            self._answer()
            found = [decision for decision in reversed(self._decisions.values()) if decision.account == account]
            return sorted(found, key=lambda decision: decision.decided_at, reverse=True)[:limit]

    # orders
    def reserve(self, order: Order, decision: Decision, *, replaces: str | None = None) -> None:
        """Commit intent, reservation and approving decision together."""
        with self._lock:
            account = self._account(order.account)
            if order.side is Side.BUY:
                self._refuse_while_halted(order.account)
                self._refuse_while_unarmed(order.account, account.mode)
            self._require_possible([order])
            if replaces is not None and not self._has_ended(replaces):
                raise TransitionForbidden(f"order {replaces} hasn't ended")
            self._intend([order], decision)
            if replaces is not None:
                told, why = {"by": order.client_order_id}, f"{order.leg}: {decision.message}"
                self._happen(replaces, OrderEventKind.REPRICED, order.created_at, why, details=told)

    def reserve_list(self, orders: Sequence[Order], decision: Decision) -> None:
        """Commit the intents of a stop and its target, their common reservation and the approving decision."""
        with self._lock:
            self._require_possible(orders)
            self._intend(orders, decision)

    def _require_possible(self, orders: Sequence[Order]) -> None:
        account = self._account(orders[0].account)
        for order in orders:
            if order.client_order_id in self._orders or any(_excludes(o, order) for o in self._orders.values()):
                raise AlreadyDone(f"the {order.leg} of signal {order.signal_id} has its order already")
        for asset, amount in _needed(orders).items():
            free = account.balances.get(asset, NOTHING).free
            if free < amount:
                raise InsufficientFree(f"{amount} {asset} needed, {free} free")

    def _intend(self, orders: Sequence[Order], decision: Decision) -> None:
        account = self._account(orders[0].account)
        self.record_decision(decision)
        for asset, amount in _needed(orders).items():
            balance = account.balances.get(asset, NOTHING)
            account.balances[asset] = replace(balance, reserved=balance.reserved + amount)
        account.revision += 1
        for order in orders:
            self._remaining[order.client_order_id] = order.reserved_amount
            self._orders[order.client_order_id] = order
            self._events.append(happened(order, OrderEventKind.INTENDED, order.created_at, decision.message))

    def mark_submitted(self, client_order_id: str, at: datetime) -> None:
        """Intended becomes submitted."""
        with self._lock:
            self._answer()
            order = self._orders.get(client_order_id)
            if order is not None and order.side is Side.BUY:
                self._refuse_while_halted(order.account)
                self._refuse_while_unarmed(order.account, self._account(order.account).mode)
            if not self._happen(client_order_id, OrderEventKind.SUBMITTED, at, "about to be sent"):
                raise AlreadyDone(f"order {client_order_id} is not merely intended any more")

    def mark_unknown(self, client_order_id: str, why: str, at: datetime) -> None:
        """The answer was lost."""
        with self._lock:
            self._answer()
            self._happen(client_order_id, OrderEventKind.MARKED_UNKNOWN, at, why)

    def request_cancel(self, client_order_id: str, why: str, at: datetime) -> None:
        """The cancel is about to leave."""
        with self._lock:
            self._answer()
            if not self._happen(client_order_id, OrderEventKind.CANCEL_REQUESTED, at, why):
                raise TransitionForbidden(f"order {client_order_id} has nothing that could be cancelled")

    def forget_cancel(self, client_order_id: str, requested_at: datetime, why: str, at: datetime) -> None:
        """The cancel requested then can't arrive any more."""
        with self._lock:
            self._answer()
            if self._known(client_order_id).cancel_requested_at == requested_at:
                self._happen(client_order_id, OrderEventKind.CANCEL_LAPSED, at, why)

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
        with self._lock:
            order = self._known(client_order_id)
            if order.status not in _UNANSWERED or seen not in (None, order.status):
                return
            account = self._account(order.account)
            balance = account.balances[order.reserved_asset]
            held = self._held_by(order)
            kept = held.after(ZERO, is_final=True)
            released = held.held - kept.held
            self._keep(order, kept)
            account.balances[order.reserved_asset] = replace(balance, reserved=balance.reserved - released)
            account.revision += 1
            self._happen(
                client_order_id, OrderEventKind.REJECTED if rejected else OrderEventKind.EXPIRED, at, why, code
            )

    def book(self, report: OrderReport, instrument: Instrument, at: datetime) -> Order:
        """Book a report; the order afterwards."""
        with self._lock:
            order = self._known(report.client_order_id)
            account = self._account(order.account)
            booked = {trade_id for symbol, trade_id in account.fills if symbol == order.symbol}
            held = self._held_by(order)
            booking = book_report(order, held, booked, report, instrument)
            events = reported(order, report, booking, at)
            if not events:
                return order
            after = reduce(apply, events, order)
            account.revision += 1
            self._book_balances(account, order, booking, held)
            self._book_position(account, order, booking.fills, instrument)
            account.fills.update({(order.symbol, f.venue_trade_id): (order.client_order_id, f) for f in booking.fills})
            self._orders[after.client_order_id] = after
            self._events.extend(events)
            return after

    def unsettled_orders(self, account: str) -> list[Order]:
        """Orders that aren't final, exits first, then oldest first."""
        with self._lock:
            self._answer()
            found = [o for o in self._orders.values() if o.account == account and not o.status.is_final]
            return sorted(found, key=lambda o: (o.side is not Side.SELL, o.created_at, o.client_order_id))

    def order(self, client_order_id: str) -> Order | None:
        """The order of that id."""
        with self._lock:
            self._answer()
            return self._orders.get(client_order_id)

    def order_events(self, client_order_id: str) -> list[OrderEvent]:
        """Everything that happened to the order."""
        with self._lock:
            self._answer()
            return [event for event in self._events if event.client_order_id == client_order_id]

    def entry_signal(self, position: Position) -> Signal | None:
        """The signal whose entry opened the position."""
        with self._lock:
            self._answer()
            opened_by = (position.account, position.symbol, position.strategy, position.entry_candle_close)
            entries = [o for o in self._orders.values() if o.side is Side.BUY and o.filled_quantity]
            for entry in sorted(entries, key=lambda o: o.created_at, reverse=True):
                said = self._signals[entry.signal_id]
                if (said.account, said.symbol, said.strategy, said.candle_close) == opened_by:
                    return said
            return None

    def orders_of_signal(self, account: str, signal_id: str) -> list[Order]:
        """All of the signal's orders, oldest first."""
        with self._lock:
            self._answer()
            found = [o for o in self._orders.values() if (o.account, o.signal_id) == (account, signal_id)]
            return sorted(found, key=lambda o: (o.created_at, o.client_order_id))

    def note_asked(self, client_order_id: str, at: datetime) -> None:
        """Remember when the venue last told of it."""
        with self._lock:
            self._answer()
            if client_order_id in self._orders:
                self._orders[client_order_id] = replace(self._orders[client_order_id], asked_at=at)

    def exit_legs(self, account: str, signal_id: str) -> int:
        """How many exit orders this signal has."""
        with self._lock:
            self._answer()
            return sum(o.signal_id == signal_id and o.leg.startswith("exit") for o in self._orders.values())

    def recent_orders(self, account: str, limit: int) -> list[Order]:
        """Newest orders first."""
        with self._lock:
            self._answer()
            found = sorted((o for o in self._orders.values() if o.account == account), key=lambda o: o.client_order_id)
            return sorted(found, key=lambda order: order.created_at, reverse=True)[:limit]

    def fills_of(self, client_order_id: str) -> list[Fill]:
        """The order's fills, oldest first."""
        with self._lock:
            order = self._known(client_order_id)
            booked = self._account(order.account).fills.values()
            found = [fill for owner, fill in booked if owner == client_order_id]
            return sorted(found, key=lambda fill: (fill.time, fill.venue_trade_id))

    def recent_fills(self, account: str, limit: int) -> list[tuple[str, Side, Fill]]:
        """Newest fills first: symbol, side, fill."""
        with self._lock:
            found = sorted(self._account(account).fills.items())
            found.sort(key=lambda item: item[1][1].time, reverse=True)
            return [(symbol, self._orders[owner].side, fill) for (symbol, _), (owner, fill) in found[:limit]]

    def _approved_entries(self, account: str) -> list[datetime]:
        return [
            d.venue_time
            for d in self._decisions.values()
            if d.account == account and d.reason is ReasonCode.APPROVED and d.leg.startswith(LegKind.ENTRY)
        ]

    def _booked_trades(self, account: str, symbol: str) -> set[str]:
        return {trade_id for name, trade_id in self._account(account).fills if name == symbol}

    def _change(self, account: str) -> None:
        self._account(account).revision += 1

    def _revision(self, account: str) -> int:
        return self._account(account).revision

    # positions
    def cut_position(self, account: str, instrument: Instrument, at: datetime) -> Position | None:
        """Make the symbol's open position hold no more than the account's total of its base."""
        with self._lock:
            state = self._account(account)
            history = state.positions.get(instrument.symbol, [])
            if not history or not history[-1].is_open:
                return None
            after = history[-1].cut_to(state.balances.get(instrument.base, NOTHING).total, instrument, at)
            if after == history[-1]:
                return None
            history[-1] = after
            state.revision += 1
            return after

    def close_dust(self, account: str, instrument: Instrument, price: Decimal, at: datetime) -> Position | None:
        """Close the symbol's open position if what it holds is no order for the venue."""
        with self._lock:
            state = self._account(account)
            history = state.positions.get(instrument.symbol, [])
            if not history or not history[-1].is_open:
                return None
            if instrument.is_tradable(instrument.floor_quantity(history[-1].quantity), price):
                return None
            history[-1] = history[-1].left_as_dust(at)
            state.revision += 1
            return history[-1]

    def open_positions(self, account: str) -> list[Position]:
        """Positions that are open, by symbol."""
        with self._lock:
            return [
                history[-1] for _, history in sorted(self._account(account).positions.items()) if history[-1].is_open
            ]

    def closed_trades(
        self, account: str, limit: int, *, strategy: str | None = None, since: datetime | None = None
    ) -> list[Position]:
        """Positions that were closed, newest close first, those of one moment by symbol."""
        with self._lock:
            histories = sorted(self._account(account).positions.items())
            newest = [p for _, history in histories for p in reversed(history)]
            closed = [
                (p.closed_at, p)
                for p in newest
                if p.closed_at and p.is_trade and strategy in (None, p.strategy) and (not since or p.closed_at > since)
            ]
            return [p for _, p in sorted(closed, key=lambda entry: entry[0], reverse=True)][:limit]

    def last_closed_at(self, account: str, symbol: str) -> datetime | None:
        """Venue time at which the symbol's newest position was closed."""
        with self._lock:
            history = self._account(account).positions.get(symbol, [])
            return max((p.closed_at for p in history if p.closed_at is not None), default=None)

    # what became of a signal
    def signals_named(self, account: str, name: str, limit: int) -> list[Signal]:
        """Signals whose own id, or an order's, begins so."""
        with self._lock:
            self._answer()
            named = {
                o.signal_id
                for o in self._orders.values()
                if o.client_order_id.startswith(name) or o.venue_order_id == name
            }
            of_account = [s for s in self._signals.values() if s.account == account]
            found = [s for s in of_account if s.signal_id in named or s.signal_id.startswith(name)]
            found.sort(key=lambda signal: signal.signal_id)
            return sorted(found, key=lambda signal: signal.candle_close, reverse=True)[:limit]

    def decisions_about(self, account: str, signal_id: str) -> list[Decision]:
        """All decisions of one signal, oldest first."""
        with self._lock:
            self._answer()
            found = [d for d in self._decisions.values() if (d.account, d.signal_id) == (account, signal_id)]
            return sorted(found, key=lambda decision: decision.decided_at)

    def reservation(self, client_order_id: str) -> HeldReservation | None:
        """What the order holds, or held."""
        with self._lock:
            self._answer()
            order = self._orders.get(client_order_id)
            if order is None:
                return None
            ended = "settled" if order.filled_quantity else "released"
            remaining = self._remaining.get(client_order_id, ZERO)
            state = ended if order.status.is_final else "active"
            return HeldReservation(order.reserved_asset, order.reserved_amount, remaining, state)

    def position_entered_by(self, account: str, symbol: str, strategy: str, candle_close: datetime) -> Position | None:
        """The strategy's newest position whose entry candle had closed by then."""
        with self._lock:
            history = self._account(account).positions.get(symbol, [])
            found = [p for p in history if p.strategy == strategy and p.entry_candle_close <= candle_close]
            return found[-1] if found else None

    def orders_of_position(self, position: Position) -> list[Order]:
        """Orders of the signals that opened it and said to close it."""
        with self._lock:
            self._answer()
            entered, closed = position.entry_candle_close, position.closed_at
            signals = {
                s.signal_id
                for s in self._signals.values()
                if (s.account, s.symbol, s.strategy) == (position.account, position.symbol, position.strategy)
                and (
                    s.candle_close == entered
                    or (
                        s.direction is Direction.SHORT
                        and s.candle_close > entered
                        and (closed is None or s.candle_close <= closed)
                    )
                )
            }
            found = [o for o in self._orders.values() if o.signal_id in signals]
            return sorted(found, key=lambda o: (o.created_at, o.client_order_id))

    def _held_by(self, order: Order) -> Reservation:
        own = self._remaining.get(order.client_order_id, ZERO)
        other = self._other_of(order)
        return Reservation(own, None if other is None else self._remaining[other.client_order_id])

    def _keep(self, order: Order, after: Reservation) -> None:
        self._remaining[order.client_order_id] = after.own
        other = self._other_of(order)
        if other is not None and after.other is not None:
            self._remaining[other.client_order_id] = after.other
            amount = max(other.reserved_amount, after.other)
            self._orders[other.client_order_id] = replace(other, reserved_amount=amount)

    def _other_of(self, order: Order) -> Order | None:
        for other in self._orders.values():
            same_list = order.list_id is not None and other.list_id == order.list_id
            if same_list and other.client_order_id != order.client_order_id and not other.status.is_final:
                return other
        return None

    def _book_balances(self, account: _Account, order: Order, booking: OrderBooking, held: Reservation) -> None:
        released = held.held - booking.reservation.held
        for asset in {*booking.changes, order.reserved_asset}:
            balance = account.balances.get(asset, NOTHING)
            change = booking.changes.get(asset, ZERO)
            booked = book_balance(
                balance.total, balance.reserved, change, released if asset == order.reserved_asset else ZERO
            )
            account.balances[asset] = AssetBalance(booked.total, booked.reserved)
        self._keep(order, booking.reservation)

    def _book_position(self, account: _Account, order: Order, fills: Sequence[Fill], instrument: Instrument) -> None:
        history = account.positions.get(order.symbol, [])
        close = self._signals[order.signal_id].candle_close
        booking = book_position(history[-1] if history else None, order, close, fills, instrument)
        after = [*history[:-1], *(p for p in (booking.known, booking.opened) if p is not None)]
        if after:
            account.positions[order.symbol] = after

    def _has_ended(self, client_order_id: str) -> bool:
        order = self._orders.get(client_order_id)
        return order is not None and order.status.is_final

    def _happen(
        self,
        client_order_id: str,
        kind: OrderEventKind,
        at: datetime,
        why: str,
        code: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> bool:
        order = self._orders.get(client_order_id)
        if order is None or not allows(order.status, kind):
            return False
        event = happened(order, kind, at, why, code=code, details=details)
        self._orders[client_order_id] = apply(order, event)
        self._events.append(event)
        return True

    def _in_flight(self, account: str) -> list[Order]:
        return [order for order in self.unsettled_orders(account) if not order.lies_still]

    def _known(self, client_order_id: str) -> Order:
        self._answer()
        if client_order_id not in self._orders:
            raise LookupError(f"the ledger has no order {client_order_id!r}")
        return self._orders[client_order_id]

    def _account(self, name: str) -> _Account:
        self._answer()
        if name not in self._accounts:
            raise FixSettings(f"the ledger has no account {name!r}")
        return self._accounts[name]

    def _answer(self) -> None:
        if self.is_down:
            raise RetryLater("the ledger can't be reached")


def _needed(orders: Sequence[Order]) -> dict[str, Decimal]:
    needed: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        needed[order.reserved_asset] += order.reserved_amount
    return needed


def _excludes(known: Order, order: Order) -> bool:
    """Whether there can't be both: two orders of a leg, or two stops at work on a symbol."""
    if (known.signal_id, known.leg) == (order.signal_id, order.leg):
        return True
    stops = known.kind is order.kind is OrderKind.STOP_LOSS and not known.status.is_final
    return stops and (known.account, known.symbol) == (order.account, order.symbol)
