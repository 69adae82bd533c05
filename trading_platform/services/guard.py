"""What is known of one position's protection, and what it needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.attempts import wait_after
from trading_platform.domain.candle import Interval
from trading_platform.domain.indicators import IndicatorSpec, compute_indicators
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order, OrderStatus
from trading_platform.domain.position import Position
from trading_platform.domain.protection import Attempt, ProtectionRules, Step, attempts, next_step
from trading_platform.domain.signal import Signal
from trading_platform.domain.sizing import size_exit
from trading_platform.ports.ledger import Ledger
from trading_platform.services.trading_desk import TradingDesk

_ATR = IndicatorSpec.parse("atr(14)")


@dataclass(frozen=True)
class Guard:
    """A position, the signal that opened it, and the stops and targets that it has had."""

    position: Position
    entry: Signal
    attempts: Sequence[Attempt]

    @property
    def at_work(self) -> tuple[Order, ...]:
        """The orders that aren't final."""
        return tuple(o for attempt in self.attempts for o in attempt.orders if not o.status.is_final)

    @property
    def is_on_guard(self) -> bool:
        """Whether its stop rests at the venue, untouched."""
        return any(order.is_on_guard and order.stop_price is not None for order in self.at_work)

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
    return (
        None
        if entry is None
        else Guard(position, entry, attempts(ledger.orders_of_signal(position.account, entry.signal_id)))
    )


def guard_of_symbol(desk: TradingDesk, symbol: str) -> Guard | None:
    """The guard of the symbol's open position, as the ledger has it now."""
    for position in desk.ledger.open_positions(desk.account):
        if position.symbol == symbol:
            return guard_of(desk.ledger, position)
    return None


def step_for(desk: TradingDesk, guard: Guard) -> Step:
    """What the position needs now."""
    instrument = desk.instrument(guard.position.symbol)
    held = desk.ledger.account(desk.account).balances.get(instrument.base)
    reserved = max((order.quantity - order.filled_quantity for order in guard.at_work), default=Decimal(0))
    at_hand = reserved + (held.free if held else Decimal(0))
    return next_step(
        guard.position,
        size_exit(min(guard.position.quantity, at_hand), instrument),
        guard.attempts,
        price=fresh_price(desk.store.tickers([guard.position.symbol]), guard.position.symbol, desk),
        atr=None if guard.attempts else _average_true_range(desk, guard),
        now=desk.clock.read().now,
        rules=rules_of(desk),
        instrument=instrument,
    )


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
    """Of the closed candles that the entry's strategy judges; None where they don't suffice."""
    interval = Interval.parse(guard.entry.interval)
    candles = desk.store.candle_frame(guard.position.symbol, interval, newest=desk.settings.market.window_candles)
    if len(candles) < _ATR.rows_needed:
        return None
    newest = float(compute_indicators(candles, [_ATR])[_ATR.columns[0]].iloc[-1])
    return Decimal(str(newest)) if math.isfinite(newest) else None
