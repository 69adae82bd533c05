"""An entry's orders: at market within a bound of slippage, or as limit orders that are followed by repricing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from trading_platform.domain.attempts import STOPPED, LimitRules, NextStep, filled_quantity, next_step
from trading_platform.domain.entry_price import limit_entry_price
from trading_platform.domain.errors import AlreadyDone, RefuseTrade, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order, OrderKind, OrderStatus, Side
from trading_platform.domain.order_book import slippage_bps
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, Signal, client_order_id
from trading_platform.services.decide import PutOff, decision, refuse
from trading_platform.services.settle_orders import submit_order
from trading_platform.services.trading_desk import TradingDesk


@dataclass(frozen=True)
class EntryAttempt:
    """The orders that a signal's entry has had, and what follows them.

    Parameters
    ----------
    legs
        First to last.
    """

    legs: tuple[Order, ...]
    step: NextStep
    last_code: str | None

    @property
    def leg(self) -> Leg:
        """The next order's place."""
        return Leg(LegKind.ENTRY, len(self.legs) + 1)

    @property
    def filled(self) -> Decimal:
        """What the orders so far have bought."""
        return filled_quantity(self.legs)

    @property
    def wanted(self) -> Decimal | None:
        """What the first order that reached the venue was for; None if none has: it may be sized anew."""
        return next((leg.quantity for leg in self.legs if leg.venue_order_id is not None), None)

    @property
    def first_limit_price(self) -> Decimal | None:
        """The price that repricing is bounded by."""
        return next((leg.limit_price for leg in self.legs if leg.venue_order_id is not None), None)

    @property
    def replaced(self) -> str | None:
        """The order whose place the next one takes."""
        return self.legs[-1].client_order_id if self.step in (NextStep.REPRICE, NextStep.CROSS) else None


@dataclass(frozen=True)
class EntryOrder:
    """What is about to be reserved.

    Parameters
    ----------
    limit_price
        None for a market order.
    """

    quantity: Decimal
    reserve_quote: Decimal
    limit_price: Decimal | None


def entry_attempt(desk: TradingDesk, signal: Signal) -> EntryAttempt:
    """Where the signal's entry stands, by the ledger."""
    execution = desk.settings.execution
    orders = desk.ledger.orders_of_signal(desk.account, signal.signal_id)
    by_id = {order.client_order_id: order for order in orders if order.leg.startswith(LegKind.ENTRY)}
    ids = (client_order_id(signal.signal_id, Leg(LegKind.ENTRY, n)) for n in range(1, len(by_id) + 1))
    legs = tuple(by_id[each] for each in ids)
    events = desk.ledger.order_events(legs[-1].client_order_id) if legs else []
    code = events[-1].code if events else None
    rules = LimitRules(execution.most_reprices, crosses_at_last=execution.limit_then == "market")
    return EntryAttempt(legs, next_step(legs, code, rules, desk.clock.wall()), code)


def entry_price(desk: TradingDesk, attempt: EntryAttempt, ticker: Ticker) -> tuple[Decimal, Decimal | None]:
    """The price to size with, and the limit price; None at market."""
    execution = desk.settings.execution
    if execution.entry == "market" or attempt.step is NextStep.CROSS:
        return ticker.ask, None
    limit = limit_entry_price(
        ticker.bid,
        execution.limit_offset_bps,
        desk.instrument(ticker.symbol).tick_size,
        attempt.first_limit_price,
        execution.most_reprice_bps,
    )
    return limit, limit


def require_depth(desk: TradingDesk, symbol: str, quantity: Decimal, ask: Decimal) -> dict[str, str]:
    """Make sure that the book holds `quantity` within the bound of slippage; what was found, for the decision.

    Raises
    ------
    PutOff
        If it doesn't, or can't be read.
    """
    try:
        book = desk.feed.order_book(symbol)
    except RetryLater as silence:
        raise PutOff(ReasonCode.NO_FRESH_PRICE, f"the order book can't be read: {silence}") from None
    average, bound = book.average_price(Side.BUY, quantity), desk.settings.risk.slippage_bps
    if average is None:
        raise PutOff(ReasonCode.SLIPPAGE, f"the {len(book.asks)} best asks hold less than {quantity}")
    expected = slippage_bps(Side.BUY, ask, average)
    if expected > bound:
        raise PutOff(
            ReasonCode.SLIPPAGE,
            f"the book sells {quantity} at {average:f}, {expected:.1f} bps above {ask}; at most {bound}",
        )
    return {"expected_price": f"{average:f}", "expected_slippage_bps": f"{expected:.2f}"}


def reserve_and_send(
    desk: TradingDesk, signal: Signal, attempt: EntryAttempt, entry: EntryOrder, details: Mapping[str, Any]
) -> str | None:
    """Reserve the money, send the order, and close the signal if that was the last that it needed."""
    order = _order(desk, signal, attempt, entry)
    at = "at market" if entry.limit_price is None else f"at {entry.limit_price} or less"
    approval = decision(
        desk,
        signal,
        attempt.leg,
        ReasonCode.APPROVED,
        f"buy {entry.quantity} {at}: {signal.reason}",
        is_final=False,
        details=details,
    )
    try:
        desk.ledger.reserve(order, approval, replaces=attempt.replaced)
    except AlreadyDone:
        return None
    except RefuseTrade as refusal:
        refuse(desk, signal, attempt.leg, ReasonCode(refusal.reason_code), str(refusal))
        return None
    submit_order(desk, order)
    conclude_entry(desk, signal, entry_attempt(desk, signal))
    return order.client_order_id


def conclude_entry(desk: TradingDesk, signal: Signal, attempt: EntryAttempt) -> None:
    """Close the signal if nothing follows the orders that it has had."""
    if attempt.step not in (NextStep.DONE, NextStep.GIVE_UP):
        return
    last = attempt.legs[-1]
    leg = Leg(LegKind.ENTRY, len(attempt.legs))
    if attempt.filled:
        bought = f"bought {attempt.filled} in {_orders(attempt.legs)}: {signal.reason}"
        desk.ledger.record_decision(decision(desk, signal, leg, ReasonCode.APPROVED, bought))
    elif attempt.last_code in STOPPED:
        why = desk.ledger.order_events(last.client_order_id)[-1].reason
        refuse(desk, signal, leg, ReasonCode(attempt.last_code), f"reserved, and then not sent: {why}")
    elif last.status is OrderStatus.REJECTED:
        refuse(desk, signal, leg, ReasonCode.REJECTED_BY_VENUE, f"the venue refused it with code {attempt.last_code}")
    else:
        refuse(desk, signal, leg, ReasonCode.NOT_FILLED, f"{_orders(attempt.legs)} ended without a fill")


def close_superseded(desk: TradingDesk, signal: Signal, attempt: EntryAttempt, message: str) -> None:
    """A newer signal governs: nothing more follows the orders that this one has had."""
    leg = Leg(LegKind.ENTRY, len(attempt.legs))
    desk.ledger.record_decision(decision(desk, signal, leg, ReasonCode.APPROVED, f"nothing more follows: {message}"))


def _order(desk: TradingDesk, signal: Signal, attempt: EntryAttempt, entry: EntryOrder) -> Order:
    is_limit = entry.limit_price is not None
    patience = timedelta(seconds=desk.settings.execution.limit_seconds)
    return Order(
        client_order_id=client_order_id(signal.signal_id, attempt.leg),
        account=desk.account,
        signal_id=signal.signal_id,
        leg=str(attempt.leg),
        strategy=signal.strategy,
        symbol=signal.symbol,
        side=Side.BUY,
        quantity=entry.quantity,
        status=OrderStatus.INTENDED,
        filled_quantity=Decimal(0),
        reserved_asset=desk.instrument(signal.symbol).quote,
        reserved_amount=entry.reserve_quote,
        created_at=desk.clock.wall(),
        submitted_at=None,
        kind=OrderKind.LIMIT if is_limit else OrderKind.MARKET,
        limit_price=entry.limit_price,
        expires_at=desk.clock.read().now + patience if is_limit else None,
    )


def _orders(legs: Sequence[Order]) -> str:
    return "one order" if len(legs) == 1 else f"{len(legs)} orders"
