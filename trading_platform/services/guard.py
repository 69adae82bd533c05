"""What is known of one position's protection, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.attempts import wait_after
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order, OrderStatus, Side
from trading_platform.domain.position import Position
from trading_platform.domain.protection import Attempt, ProtectionRules, Step, attempts, next_step
from trading_platform.domain.signal import Signal
from trading_platform.domain.sizing import size_exit
from trading_platform.ports.ledger import Ledger
from trading_platform.services.base_there import base_there
from trading_platform.services.known_prices import known_prices
from trading_platform.services.known_time import known_time
from trading_platform.services.size_position import seen_market
from trading_platform.services.trading_desk import TradingDesk


@dataclass(frozen=True)
class Guard:
    """A position, the signal that opened it, and the stops, targets and entries that it has had."""

    position: Position
    entry: Signal
    attempts: Sequence[Attempt]
    entries: Sequence[Order] = ()

    @property
    def at_work(self) -> tuple[Order, ...]:
        """The orders that aren't final."""
        return tuple(o for attempt in self.attempts for o in attempt.orders if not o.status.is_final)

    @property
    def is_on_guard(self) -> bool:
        """Whether its stop rests at the venue, untouched."""
        return any(order.is_resting_stop for order in self.at_work)

    def is_waiting(self, wall: datetime) -> bool:
        """Whether its last stop failed to reach the venue a moment ago; the wait doubles with each failure."""
        failed = 0
        for attempt in reversed(self.attempts):
            if attempt.stop.status is not OrderStatus.EXPIRED or attempt.stop.venue_order_id is not None:
                break
            failed += 1
        return failed > 0 and not self.at_work and wall < self.attempts[-1].stop.created_at + wait_after(failed)


def guard_of(ledger: Ledger, position: Position) -> Guard | None:
    """The position's guard; None for one that no signal of ours has opened."""
    entry = ledger.entry_signal(position)
    if entry is None:
        return None
    orders = ledger.orders_of_signal(position.account, entry.signal_id)
    return Guard(position, entry, attempts(orders), tuple(order for order in orders if order.side is Side.BUY))


def guard_of_symbol(desk: TradingDesk, symbol: str) -> Guard | None:
    """The guard of the symbol's open position, as the ledger has it now."""
    for position in desk.ledger.open_positions(desk.account):
        if position.symbol == symbol:
            return guard_of(desk.ledger, position)
    return None


@dataclass(frozen=True)
class ShownGuard:
    """A symbol's stop and target as the owner sees them.

    Parameters
    ----------
    state
        ``rests`` at the venue, ``uncertain`` while the venue's word is awaited, or ``none``.
    """

    stop: Decimal | None = None
    target: Decimal | None = None
    state: str = "none"


def shown_guards(ledger: Ledger, account: str) -> Mapping[str, ShownGuard]:
    """The stops and targets at work, by symbol."""
    shown: dict[str, ShownGuard] = {}
    for order in ledger.unsettled_orders(account):
        if order.kind.is_protective:
            known = shown.get(order.symbol, ShownGuard(state="rests"))
            shown[order.symbol] = ShownGuard(
                stop=order.stop_price if order.stop_price is not None else known.stop,
                target=order.limit_price if order.stop_price is None else known.target,
                state=known.state if order.is_on_guard else "uncertain",
            )
    return shown


def step_for(desk: TradingDesk, guard: Guard) -> Step:
    """What the position needs now."""
    return next_step(
        guard.position,
        sellable(desk, guard),
        guard.attempts,
        price=fresh_price(known_prices(desk.store, [guard.position.symbol]), guard.position.symbol, desk),
        atr=None if guard.attempts else _average_true_range(desk, guard),
        now=known_time(desk.ledger, desk.clock, desk.account).now,
        rules=rules_of(desk),
        instrument=desk.instrument(guard.position.symbol),
    )


def sellable(desk: TradingDesk, guard: Guard) -> Decimal:
    """What can be sold once everything that rests is taken back, on the lot grid: no more than is there."""
    instrument = desk.instrument(guard.position.symbol)
    held = desk.ledger.account(desk.account).balances.get(instrument.base)
    reserved = max((order.quantity - order.filled_quantity for order in guard.at_work), default=Decimal(0))
    at_hand = min(reserved + (held.free if held else Decimal(0)), base_there(desk.ledger, guard.position))
    return size_exit(min(guard.position.quantity, at_hand), instrument)


def rules_of(desk: TradingDesk) -> ProtectionRules:
    """The rules in force."""
    return desk.settings.protection.rules


def fresh_price(tickers: Mapping[str, Ticker], symbol: str, desk: TradingDesk) -> Decimal | None:
    """The last trade's price; None if it isn't fresh."""
    return last_price(tickers, symbol, desk.clock.wall(), desk.settings.freshness.max_price_age_seconds)


def last_price(tickers: Mapping[str, Ticker], symbol: str, wall: datetime, max_age_seconds: float) -> Decimal | None:
    """The last trade's price, if it was received no longer ago than that."""
    ticker = tickers.get(symbol)
    return None if ticker is None or ticker.age_seconds(wall) > max_age_seconds else ticker.last


def _average_true_range(desk: TradingDesk, guard: Guard) -> Decimal | None:
    """Of the candles that the entry was judged and sized on, so that its stop lies where the size took it to be.

    None as well while the store is silent or refuses: a stop at the usual distance is better than none.
    """
    try:
        return seen_market(desk.store, guard.entry, desk.settings.market.window_candles).atr
    except (RetryLater, FixSettings):
        return None
