"""One trading cycle: reconcile, exits, then entries; what it leaves open the next one takes up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from trading_platform.domain.order import Order
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.services.close_positions import close_positions, due_exit
from trading_platform.services.open_positions import consume_signals
from trading_platform.services.protect_account import protect_account
from trading_platform.services.reconcile_balances import last_compared_at, reconcile_balances
from trading_platform.services.settle_orders import cancel_overdue, follow_orders, needs_asking, take_up_orders
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.settings import Settings


@dataclass(frozen=True)
class TradeReport:
    """What a cycle did."""

    reconciled: bool
    exits: tuple[str, ...]
    entries: tuple[str, ...]
    left_open: tuple[Order, ...]


def trade(desk: TradingDesk) -> TradeReport:
    """Run one cycle for the account; safe to run at any time, any number of times, and to kill anywhere (I5)."""
    take_up_orders(desk)
    cancel_overdue(desk)
    left = desk.ledger.unsettled_orders(desk.account)
    reconciled = reconcile_balances(desk)
    protect_account(desk.ledger, desk.store, desk.clock, desk.settings)
    exits = close_positions(desk, _by_symbol(left))
    entries = consume_signals(desk, _by_symbol(desk.ledger.unsettled_orders(desk.account)), reconciled=reconciled)
    left = follow_orders(desk)
    return TradeReport(reconciled, tuple(exits), tuple(entries), tuple(left))


def work_waiting(ledger: Ledger, clock: Clock, settings: Settings) -> str | None:
    """Why a trade run is wanted now, in a few words; None if there is nothing to do.

    A balance that has not been reconciled for long counts as work too, so that equity and free balance stay true on a
    quiet market.
    """
    account = settings.account.name
    unsettled = ledger.unsettled_orders(account)
    if unsettled:
        now, patience = clock.read(), settings.execution.resting_poll_seconds
        asking = [order for order in unsettled if needs_asking(order, now, patience)]
        if asking:
            return f"{len(asking)} orders to settle"
    resting = {order.signal_id for order in unsettled}
    signals = [signal for signal in ledger.open_signals(account) if signal.signal_id not in resting]
    if signals:
        return f"{len(signals)} open signals"
    due = [p.symbol for p in ledger.open_positions(account) if due_exit(ledger, p, clock.wall())]
    if due:
        return f"exits due: {', '.join(due)}"
    compared_at = last_compared_at(ledger, account)
    longest = timedelta(seconds=settings.cadence.reconcile_seconds)
    if compared_at is None or clock.wall() - compared_at > longest:
        return "balances to reconcile"
    return None


def _by_symbol(orders: Sequence[Order]) -> dict[str, Order]:
    return {order.symbol: order for order in orders}
