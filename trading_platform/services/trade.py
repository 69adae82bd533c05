"""One trading cycle: reconcile, exits, then entries; what it leaves open the next one takes up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from trading_platform.domain.errors import PlatformError
from trading_platform.domain.order import Order, Side
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.base_there import is_left_behind
from trading_platform.services.close_positions import close_positions, due_exit
from trading_platform.services.exits_first import exits_first
from trading_platform.services.known_time import known_time
from trading_platform.services.open_positions import consume_signals
from trading_platform.services.protect_account import protect_account
from trading_platform.services.protect_positions import protect_positions
from trading_platform.services.protection_work import protection_waiting
from trading_platform.services.put_off_signals import signals_to_judge, waits_for_its_market
from trading_platform.services.reconcile_balances import last_compared_at, reconcile_balances
from trading_platform.services.settle_orders import (
    cancel_overdue,
    follow_orders,
    needs_asking,
    take_up_orders,
    why_buying_is_stopped,
)
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
    """Run one cycle for the account; safe to run at any time, any number of times, and to kill anywhere (I5).

    Raises
    ------
    FixSettings, RetryLater, TransitionForbidden
        What kept the cycle from getting as far as entries: exits and stops have been seen to before it is told (I7).
    """
    troubles: list[PlatformError] = []
    reconciled = False
    with exits_first(troubles):
        take_up_orders(desk)
    with exits_first(troubles):
        cancel_overdue(desk)
    with exits_first(troubles):
        reconciled = reconcile_balances(desk)
    with exits_first(troubles):
        protect_account(desk.ledger, desk.store, desk.clock, desk.settings)
    exits: list[str] = []
    with exits_first(troubles):
        exits += close_positions(desk, _sales_and_purchases(desk))
    with exits_first(troubles):
        exits += protect_positions(desk)
    if troubles:
        raise troubles[0]
    entries: list[str] = []
    with exits_first(troubles):
        entries += consume_signals(desk, _in_flight(desk), reconciled=reconciled)
    with exits_first(troubles):
        follow_orders(desk)
    if entries or troubles:
        exits += protect_positions(desk)  # what was bought has its stop before this run ends
    if troubles:
        raise troubles[0]
    left = desk.ledger.unsettled_orders(desk.account)
    return TradeReport(reconciled, tuple(exits), tuple(entries), tuple(left))


def work_waiting(ledger: Ledger, store: SeriesStore, clock: Clock, settings: Settings) -> str | None:
    """Why a trade run is wanted now, in a few words; None if there is nothing to do.

    A balance that has not been reconciled for long counts as work too, so that equity and free balance stay true on a
    quiet market.
    """
    account = settings.account.name

    @cache
    def now() -> VenueTime:
        # asked for when something hangs on it; what is due is sold though the venue doesn't tell it (I7)
        return known_time(ledger, clock, account)

    unsettled = [order for order in ledger.unsettled_orders(account) if not order.is_on_guard]
    if unsettled:
        patience = settings.execution.resting_poll_seconds
        asking = [order for order in unsettled if needs_asking(order, now(), patience)]
        if asking:
            return f"{len(asking)} orders to settle"
        if any(order.side is Side.BUY for order in unsettled) and why_buying_is_stopped(ledger, settings):
            return "entries to cancel"
    resting = {order.signal_id for order in unsettled}
    waiting = [signal for signal in ledger.open_signals(account) if signal.signal_id not in resting]
    signals = signals_to_judge(ledger, waiting, unsettled, now(), settings) if waiting else []
    if signals:
        return f"{len(signals)} open signals"
    floor = settings.risk.notional_floor_quote
    due = [
        position.symbol
        for position in ledger.open_positions(account)
        if (exit_ := due_exit(ledger, position, clock.wall())) is not None
        and not is_left_behind(ledger, position, floor)
        and not waits_for_its_market(ledger, exit_.signal, now(), settings)
    ]
    if due:
        return f"exits due: {', '.join(due)}"
    unprotected = protection_waiting(ledger, store, clock, settings)
    if unprotected:
        return unprotected
    if not all(order.lies_still for order in unsettled):
        return None  # until they have ended, balances can't be compared
    compared_at = last_compared_at(ledger, account)
    longest = timedelta(seconds=settings.cadence.reconcile_seconds)
    if compared_at is None or clock.wall() - compared_at > longest:
        return "balances to reconcile"
    return None


def _sales_and_purchases(desk: TradingDesk) -> dict[str, Order]:
    """Orders whose outcome decides how much there is to sell; stops and targets are taken back before a sale."""
    return {o.symbol: o for o in desk.ledger.unsettled_orders(desk.account) if not o.kind.is_protective}


def _in_flight(desk: TradingDesk) -> dict[str, Order]:
    """Orders whose outcome must be known before the symbol is traded again; those that rest on guard may stay."""
    return {o.symbol: o for o in desk.ledger.unsettled_orders(desk.account) if not o.is_on_guard}
