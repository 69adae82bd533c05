"""Any sequence of events leaves both ledgers in the same state, with their invariants intact (I2, I4, I5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.domain.errors import PlatformError
from trading_platform.domain.halt import OWNER, Halt
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order, OrderStatus, Side
from trading_platform.domain.order_machine import replay
from trading_platform.domain.signal import Leg, LegKind, Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import Transfer, TransferKind
from trading_platform.ports.ledger import EquityPoint, Ledger
from trading_platform_tests.fakes import FakeLedger
from trading_platform_tests.support.examples import START, decision, fill, instrument, minutes, order, report, signal

INSTRUMENTS = {symbol: instrument(symbol) for symbol in ("BTC/USDT", "ETH/USDT")}
ACCOUNT_NUMBERS = count(1)
ZERO = Decimal(0)

amounts = st.decimals("0.01", "90", places=2)
lots = st.integers(1, 200).map(lambda number: Decimal(number) / 100_000)
prices = st.decimals("30000", "70000", places=2)
final_statuses = st.sampled_from([OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED])


class LedgerSequences(RuleBasedStateMachine):
    """Drives a fake and a real ledger side by side, and keeps its own simple books."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.ledgers: tuple[Ledger, Ledger] = (FakeLedger(), PostgresLedger(self.engine))
        self.account = f"account-{next(ACCOUNT_NUMBERS)}"
        self.minutes = count(1)
        self.trades = count(1)
        self.orders: list[tuple[Order, Signal]] = []
        self.fills: dict[str, list[Fill]] = defaultdict(list)
        self.used: dict[str, Decimal] = defaultdict(Decimal)
        self.totals: dict[str, Decimal] = defaultdict(Decimal)
        self.stale_revision = 0

    def on_both(self, act: Callable[[Ledger], object]) -> object:
        """Do it on both ledgers; whatever comes of it must be the same."""
        fake, real = (self._outcome(act, ledger) for ledger in self.ledgers)
        assert fake == real
        return real

    @initialize(usdt=amounts, bnb=st.decimals("0", "0.1", places=3))
    def open(self, usdt: Decimal, bnb: Decimal) -> None:
        self.on_both(lambda ledger: ledger.open_account(self.account, "USDT", "paper", START))
        self._reconcile({"USDT": usdt, "BNB": bnb, "BTC": Decimal("0.001")}, 0)

    @rule(symbol=st.sampled_from(sorted(INSTRUMENTS)), side=st.sampled_from(Side), amount=amounts, quantity=lots)
    def reserve(self, symbol: str, side: Side, amount: Decimal, quantity: Decimal) -> None:
        direction = Direction.LONG if side is Side.BUY else Direction.SHORT
        about = replace(signal(next(self.minutes), direction, symbol), account=self.account)
        reserved = amount if side is Side.BUY else quantity
        made = order(about, reserved, side=side, quantity=quantity, at=about.candle_close)
        self.on_both(lambda ledger: ledger.record_signals([about], START))
        if self.on_both(lambda ledger: ledger.reserve(made, decision(about))) is None:
            self.orders.append((made, about))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def reserve_again(self, data: st.DataObject) -> None:
        made, about = data.draw(st.sampled_from(self.orders))
        # a halt is looked at first; either way there is no second order
        assert self.on_both(lambda ledger: ledger.reserve(made, decision(about))) in {"AlreadyDone", "AccountHalted"}

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        made = self._any_order(data)
        self.on_both(lambda ledger: ledger.mark_submitted(made.client_order_id, START))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def lose_the_answer(self, data: st.DataObject) -> None:
        made = self._any_order(data)
        self.on_both(lambda ledger: ledger.mark_unknown(made.client_order_id, "lost", START))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def request_cancel(self, data: st.DataObject) -> None:
        made = self._any_order(data)
        self.on_both(lambda ledger: ledger.request_cancel(made.client_order_id, "its time is up", START))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), amount=amounts)
    def reprice(self, data: st.DataObject, amount: Decimal) -> None:
        made, about = data.draw(st.sampled_from(self.orders))
        leg = Leg(LegKind.EXIT if made.side is Side.SELL else LegKind.ENTRY, next(self.minutes))
        reserved = amount if made.side is Side.BUY else made.quantity
        after = order(about, reserved, side=made.side, quantity=made.quantity, leg=leg, at=minutes(leg.attempt))
        told, old = decision(about, leg), made.client_order_id
        if self.on_both(lambda ledger: ledger.reserve(after, told, replaces=old)) is None:
            self.orders.append((after, about))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), rejected=st.booleans(), seen=st.sampled_from([None, *OrderStatus]))
    def close_unfilled(self, data: st.DataObject, rejected: bool, seen: OrderStatus | None) -> None:
        made = self._any_order(data)
        self.on_both(
            lambda ledger: ledger.close_unfilled(
                made.client_order_id, rejected=rejected, why="no", code="-1", at=START, seen=seen
            )
        )

    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(),
        quantity=lots,
        price=prices,
        fee=st.decimals("0", "0.00002", places=6),
        payer=st.sampled_from(["base", "quote", "BNB"]),
        status=st.one_of(st.just(OrderStatus.PARTIALLY_FILLED), final_statuses),
    )
    def fill_more(
        self, data: st.DataObject, quantity: Decimal, price: Decimal, fee: Decimal, payer: str, status: OrderStatus
    ) -> None:
        made = self._any_order(data)
        pair = INSTRUMENTS[made.symbol]
        number = next(self.trades)
        fee_asset = {"base": pair.base, "quote": pair.quote}.get(payer, payer)
        new = fill(str(number), quantity, price, fee=fee, fee_asset=fee_asset, at=minutes(number))
        self.fills[made.client_order_id].append(new)
        self._keep_books(made, new, pair)
        self._book(made, status)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), status=st.one_of(st.just(OrderStatus.OPEN), final_statuses))
    def report_again(self, data: st.DataObject, status: OrderStatus) -> None:
        self._book(self._any_order(data), status)

    @rule(usdt=amounts, bitcoin=st.decimals("0", "0.01", places=5), stale=st.booleans())
    def reconcile(self, usdt: Decimal, bitcoin: Decimal, stale: bool) -> None:
        revision = self.stale_revision if stale else self.ledgers[0].account(self.account).revision
        self._reconcile({"USDT": usdt, "BTC": bitcoin}, revision)

    @rule(symbol=st.sampled_from(sorted(INSTRUMENTS)), minute=st.integers(1, 20))
    def cut(self, symbol: str, minute: int) -> None:
        pair = INSTRUMENTS[symbol]
        self.on_both(lambda ledger: ledger.cut_position(self.account, pair, minutes(minute)))
        held = [p.quantity for p in self.ledgers[1].open_positions(self.account) if p.symbol == symbol]
        assert sum(held) <= self.totals[pair.base]

    @rule(symbol=st.sampled_from(sorted(INSTRUMENTS)), price=st.integers(1, 60000), minute=st.integers(1, 20))
    def close_dust(self, symbol: str, price: int, minute: int) -> None:
        pair = INSTRUMENTS[symbol]
        self.on_both(lambda ledger: ledger.close_dust(self.account, pair, Decimal(price), minutes(minute)))

    @rule(flatten=st.booleans())
    def halt(self, flatten: bool) -> None:
        self.on_both(lambda ledger: replace(ledger.halt(self._halt(flatten)), number=None))

    @rule()
    def resume(self) -> None:
        def end(ledger: Ledger) -> object:
            ended = ledger.resume(self.account, by=OWNER, reason="on", at=START, venue_time=START)
            return ended and replace(ended, number=None)

        self.on_both(end)

    @rule(worth=amounts, amount=st.decimals("-80", "80", places=2).filter(bool), number=st.integers(1, 4))
    def transfer(self, worth: Decimal, amount: Decimal, number: int) -> None:
        moved = Transfer(
            account=self.account,
            asset="USDT",
            amount=amount,
            kind=TransferKind.DEPOSIT,
            reason="",
            by=OWNER,
            venue_time=START,
            recorded_at=START,
            amount_quote=amount,
            equity_before_quote=worth,
            venue_id=f"t{number}",
        )
        totals = dict(self.totals)
        self._reconcile(totals, self.ledgers[0].account(self.account).revision, [moved])

    @rule(worth=amounts, day=st.integers(0, 3), stale=st.booleans())
    def value(self, worth: Decimal, day: int, stale: bool) -> None:
        at = minutes(day * 24 * 60)
        point = EquityPoint(self.account, at, worth, ZERO, at)
        revision = self.stale_revision if stale else self.ledgers[0].account(self.account).revision
        self.on_both(lambda ledger: ledger.mark_equity(point, at_revision=revision))

    @invariant()
    def both_ledgers_agree(self) -> None:
        self.on_both(lambda ledger: ledger.account(self.account))
        self.on_both(lambda ledger: ledger.unsettled_orders(self.account))
        self.on_both(lambda ledger: ledger.recent_orders(self.account, 5))
        self.on_both(lambda ledger: ledger.recent_fills(self.account, 5))
        self.on_both(lambda ledger: ledger.open_positions(self.account))
        self.on_both(lambda ledger: ledger.open_signals(self.account))
        self.on_both(lambda ledger: [replace(each, number=None) for each in ledger.halts(self.account, 5)])
        self.on_both(lambda ledger: ledger.equity_marks(self.account))
        self.on_both(lambda ledger: ledger.transfers(self.account, 5))
        self.on_both(lambda ledger: ledger.closed_trades(self.account, 5))
        self.on_both(lambda ledger: ledger.entries_since(self.account, minutes(1)))
        self.on_both(lambda ledger: [ledger.last_closed_at(self.account, symbol) for symbol in INSTRUMENTS])

    @invariant()
    def events_give_the_state(self) -> None:
        for made, _ in self.orders:
            name = made.client_order_id
            events = self.ledgers[1].order_events(name)
            assert events == self.ledgers[0].order_events(name)
            stored = self.ledgers[1].order(name)
            assert stored is not None
            assert replay(made, events) == stored

    @invariant()
    def nothing_is_overspent_and_reservations_add_up(self) -> None:
        ledger = self.ledgers[1]
        waiting = ledger.unsettled_orders(self.account)
        for asset, balance in ledger.account(self.account).balances.items():
            reserving = [made for made in waiting if made.reserved_asset == asset]
            held = [max(made.reserved_amount - self.used[made.client_order_id], ZERO) for made in reserving]
            assert 0 <= balance.reserved <= balance.total
            assert balance.reserved == sum(held)

    def _any_order(self, data: st.DataObject) -> Order:
        return data.draw(st.sampled_from(self.orders))[0]

    def _book(self, made: Order, status: OrderStatus) -> None:
        told = report(made, status, *self.fills[made.client_order_id])
        self.on_both(lambda ledger: ledger.book(told, INSTRUMENTS[made.symbol], START))
        for asset, balance in self.ledgers[1].account(self.account).balances.items():
            # what was lost beyond the free balance is the only thing that may be missing from the books
            assert balance.total == max(self.totals[asset], balance.reserved)
            self.totals[asset] = balance.total

    def _keep_books(self, made: Order, new: Fill, pair: Instrument) -> None:
        sign = 1 if made.side is Side.BUY else -1
        before = dict(self.totals)
        self.totals[pair.base] += sign * new.quantity
        self.totals[pair.quote] -= sign * new.price * new.quantity
        self.totals[new.fee_asset] -= new.fee
        spent = before.get(made.reserved_asset, ZERO) - self.totals[made.reserved_asset]
        self.used[made.client_order_id] += max(spent, ZERO)

    def _halt(self, flatten: bool) -> Halt:
        return Halt(self.account, OWNER, "off", START, START, flatten)

    def _reconcile(self, totals: dict[str, Decimal], revision: int, transfers: Sequence[Transfer] = ()) -> None:
        self.stale_revision = revision

        def adopt(ledger: Ledger) -> bool:
            return ledger.reconcile(self.account, totals, at_revision=revision, at=START, transfers=transfers)

        if self.on_both(adopt):
            self.totals = defaultdict(Decimal, totals)

    @staticmethod
    def _outcome(act: Callable[[Ledger], object], ledger: Ledger) -> object:
        try:
            return act(ledger)
        except PlatformError as refusal:
            return type(refusal).__name__


def test_any_sequence_leaves_both_ledgers_in_the_same_state(engine: Engine) -> None:
    LedgerSequences.engine = engine
    run_state_machine_as_test(
        LedgerSequences,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
