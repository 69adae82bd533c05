"""Exits: sell what a newer short signal of the position's own strategy says to sell. No gate stands before it (I7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.attempts import wait_after
from trading_platform.domain.errors import AlreadyDone, InsufficientFree, PlatformError
from trading_platform.domain.halt import flatten_signal, is_flatten_signal
from trading_platform.domain.instrument import Instrument, plain
from trading_platform.domain.order import Order, OrderStatus, Side
from trading_platform.domain.order_book import average_fill_price, slippage_bps
from trading_platform.domain.position import Position
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, Signal, client_order_id
from trading_platform.domain.sizing import size_exit
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import Ledger
from trading_platform.services.base_there import base_there
from trading_platform.services.closed_market import tell_no_stop, why_closed
from trading_platform.services.decide import decision, put_off, refuse
from trading_platform.services.exits_first import exits_first
from trading_platform.services.known_prices import known_prices
from trading_platform.services.leave_dust import leave_dust
from trading_platform.services.settle_orders import submit_order
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.services.withdraw_protection import withdraw_protection

_MOST_HALTS = 20
"""Looked past for the strategy's own newest verdict; with more of them since then, it is taken to have said nothing."""


@dataclass(frozen=True)
class DueExit:
    """The signal that says to close a position, and the leg to do it with."""

    signal: Signal
    leg: Leg


def due_exit(ledger: Ledger, position: Position, wall: datetime) -> DueExit | None:
    """The exit of `position` that is to be placed now, if there is one.

    It follows from what is stored, not from what was consumed: an exit whose order failed is due again until the
    position is closed, and it never expires. After each failure the next leg waits twice as long, so that a venue that
    keeps refusing isn't asked every second.
    """
    signal = _flatten_signal(ledger, position) or _short_signal(ledger, position)
    if signal is None:
        return None
    leg = next_exit_leg(ledger, signal, wall)
    return None if leg is None else DueExit(signal, leg)


def next_exit_leg(ledger: Ledger, signal: Signal, wall: datetime) -> Leg | None:
    """The next attempt at an exit for the signal; None while the last one failed a moment ago."""
    tried = ledger.exit_legs(signal.account, signal.signal_id)
    last = ledger.order(client_order_id(signal.signal_id, Leg(LegKind.EXIT, tried))) if tried else None
    if last is not None and wall < last.created_at + wait_after(tried):
        return None
    return Leg(LegKind.EXIT, tried + 1)


def _flatten_signal(ledger: Ledger, position: Position) -> Signal | None:
    """The owner's word goes before the strategy's."""
    halt = ledger.halt_in_force(position.account)
    return flatten_signal(halt, position.symbol, position.strategy) if halt is not None and halt.flatten else None


def _short_signal(ledger: Ledger, position: Position) -> Signal | None:
    said = ledger.recent_signals(position.account, _MOST_HALTS + 1, symbol=position.symbol, strategy=position.strategy)
    verdict = next((signal for signal in said if not is_flatten_signal(signal)), None)
    if verdict is None or verdict.direction is not Direction.SHORT:
        return None
    return verdict if verdict.candle_close > position.entry_candle_close else None


def close_positions(desk: TradingDesk, in_flight: Mapping[str, Order]) -> list[str]:
    """Place the exits that are due, one order per position.

    Parameters
    ----------
    in_flight
        Orders that aren't final, by symbol: their outcome decides how much there is to sell.

    Returns
    -------
    list of str
        Client order ids of the exits sent.

    Raises
    ------
    FixSettings, RetryLater
        What kept one of them from being placed, after the others were.
    """
    sent = []
    troubles: list[PlatformError] = []
    for position in desk.ledger.open_positions(desk.account):
        due = due_exit(desk.ledger, position, desk.clock.wall())
        if due is not None and position.symbol not in in_flight:
            # a strategy's signal is there already, a flattening one isn't
            desk.ledger.record_signals([due.signal], desk.clock.wall())
            with exits_first(troubles):
                order_id = sell_position(desk, position.symbol, due.signal, due.leg, due.signal.reason)
                if order_id:
                    sent.append(order_id)
    if troubles:
        raise troubles[0]
    return sent


def sell_position(desk: TradingDesk, symbol: str, signal: Signal, leg: Leg, why: str) -> str | None:
    """Sell all that is held of the symbol at the market, after taking back what rests for it.

    On a closed market nothing is taken back: the venue would take the cancel, and neither the sale nor another stop.

    Returns
    -------
    str or None
        Client order id of the sale; None if there was none: what rested has sold it in the meantime, or isn't known
        to be taken back, so that selling would sell twice; or the market is closed.
    """
    held = [position for position in desk.ledger.open_positions(desk.account) if position.symbol == symbol]
    closed = why_closed(desk, symbol)
    if closed:
        put_off(desk, signal, leg, ReasonCode.MARKET_CLOSED, f"{closed}: what rests there stays")
        if desk.settings.protection.enabled and held and not _is_guarded(desk, symbol):
            tell_no_stop(desk, symbol, closed)
        return None
    instrument = desk.instrument(symbol)  # nothing is taken back for a sale that can't be made
    there = [base_there(desk.ledger, position) for position in held]  # while what rests still proves it
    if not withdraw_protection(desk, symbol, why):
        return None
    for position in desk.ledger.open_positions(desk.account):
        if position.symbol == symbol and there:
            return _sell(desk, position, instrument, signal, leg, why, there[0])
    return None


def _is_guarded(desk: TradingDesk, symbol: str) -> bool:
    resting = (order for order in desk.ledger.unsettled_orders(desk.account) if order.symbol == symbol)
    return any(order.is_resting_stop for order in resting)


def _sell(
    desk: TradingDesk,
    position: Position,
    instrument: Instrument,
    signal: Signal,
    leg: Leg,
    why: str,
    there: Decimal,
) -> str | None:
    balance = desk.ledger.account(desk.account).balances.get(instrument.base)
    # what left the account by another way can't be sold: the rest still is
    sellable = min(position.quantity, balance.free if balance else Decimal(0), there)
    quantity = size_exit(sellable, instrument)
    if quantity == 0:
        refuse(desk, signal, leg, ReasonCode.NO_POSITION, f"{sellable} is less than one lot")
        return None
    if leave_dust(desk, position.symbol, signal, leg, why):
        return None
    order = Order(
        client_order_id=client_order_id(signal.signal_id, leg),
        account=desk.account,
        signal_id=signal.signal_id,
        leg=str(leg),
        strategy=signal.strategy,
        symbol=position.symbol,
        side=Side.SELL,
        quantity=quantity,
        status=OrderStatus.INTENDED,
        filled_quantity=Decimal(0),
        reserved_asset=instrument.base,
        reserved_amount=quantity,
        created_at=desk.clock.wall(),
        submitted_at=None,
    )
    message, bid = f"sell {plain(quantity)}: {why}", _known_bid(desk, position.symbol)
    approval = decision(desk, signal, leg, ReasonCode.APPROVED, message, details={"bid": str(bid)})
    try:
        desk.ledger.reserve(order, approval)
    except AlreadyDone:
        return None
    except InsufficientFree as short:
        put_off(desk, signal, leg, ReasonCode.INSUFFICIENT_FREE_BALANCE, str(short))
        return None
    submit_order(desk, order)
    sold = _sold_at(desk, order.client_order_id)
    if bid is not None and sold is not None:
        below = f"{slippage_bps(Side.SELL, bid, sold):.1f} bps below the bid of {plain(bid)}"
        message += f"; sold at {plain(sold)}, {below}"
        desk.ledger.record_decision(decision(desk, signal, leg, ReasonCode.APPROVED, message))
    return order.client_order_id


def _known_bid(desk: TradingDesk, symbol: str) -> Decimal | None:
    """What the newest price promises, however old: it's for the record, and nothing waits for it (I7)."""
    ticker = known_prices(desk.store, [symbol]).get(symbol)
    return None if ticker is None else ticker.bid


def _sold_at(desk: TradingDesk, client_order_id: str) -> Decimal | None:
    """Average price of the order's fills so far."""
    fills = desk.ledger.fills_of(client_order_id)
    return average_fill_price([(fill.price, fill.quantity) for fill in fills])
