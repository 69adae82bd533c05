"""Which signals are worth a trade run now: one that was put off a moment ago would only be put off again."""

from __future__ import annotations

from collections.abc import Sequence

from trading_platform.domain.order import Order
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.ledger import Decision, Ledger
from trading_platform.settings import Settings


def signals_to_judge(
    ledger: Ledger, signals: Sequence[Signal], in_flight: Sequence[Order], now: VenueTime, settings: Settings
) -> list[Signal]:
    """The open signals that ask for a run: fresh ones, and those for which something may have changed.

    An exit's signal always asks, unless its market is closed (I7).

    Parameters
    ----------
    in_flight
        Orders that aren't settled.
    """
    if settings.replay.step:
        return [*signals]  # a run per candle, so that a replay goes the same way however fast it is stepped
    return [signal for signal in signals if _asks(ledger, signal, in_flight, now, settings)]


def waits_for_its_market(ledger: Ledger, signal: Signal, now: VenueTime, settings: Settings) -> bool:
    """Whether a sale, or another stop, for the signal was put off a moment ago because the market is closed."""
    last = _last_decision(ledger, signal)
    if last is None or last.is_final or last.reason is not ReasonCode.MARKET_CLOSED or settings.replay.step:
        return False
    return _is_recent(last, now, settings)


def _asks(ledger: Ledger, signal: Signal, in_flight: Sequence[Order], now: VenueTime, settings: Settings) -> bool:
    if signal.direction is Direction.SHORT:
        return not waits_for_its_market(ledger, signal, now, settings)
    last = _last_decision(ledger, signal)
    if last is None or last.reason is ReasonCode.APPROVED:
        return True
    if last.reason is ReasonCode.ORDER_IN_FLIGHT and all(order.symbol != signal.symbol for order in in_flight):
        return True
    if last.reason is ReasonCode.BALANCE_NOT_RECONCILED and all(order.lies_still for order in in_flight):
        return True
    return not _is_recent(last, now, settings)


def _last_decision(ledger: Ledger, signal: Signal) -> Decision | None:
    told = ledger.decisions_about(signal.account, signal.signal_id)
    return told[-1] if told else None


def _is_recent(last: Decision, now: VenueTime, settings: Settings) -> bool:
    """By both clocks: a replay at speed waits as much of the market's time, one that stands still of ours."""
    ago = max((now.now - last.venue_time).total_seconds(), (now.wall - last.decided_at).total_seconds())
    return 0 <= ago < settings.execution.put_off_seconds
