"""Every position has its stop, and its target, resting at the venue; one that can't have it is sold."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trading_platform.domain.attempts import KEY_REFUSED, MARKET_CLOSED, NOT_PLACED
from trading_platform.domain.errors import (
    AlreadyDone,
    AskTheVenue,
    FixSettings,
    InsufficientFree,
    MarketClosed,
    OrderRejected,
    PlatformError,
    RetryLater,
    SymbolNotTraded,
)
from trading_platform.domain.order import Order, OrderKind, OrderListRequest, OrderStatus, Side
from trading_platform.domain.protection import Leave, Place, Sell, SellReason, Withdraw
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, client_order_id, order_list_id
from trading_platform.services.base_there import is_left_behind
from trading_platform.services.close_positions import due_exit, next_exit_leg, sell_position
from trading_platform.services.closed_market import NO_STOP, tell_end, tell_no_stop, why_closed
from trading_platform.services.decide import decision, put_off
from trading_platform.services.exits_first import exits_first
from trading_platform.services.guard import Guard, fresh_price, guard_of_symbol, sellable, step_for
from trading_platform.services.known_prices import known_prices
from trading_platform.services.leave_dust import leave_dust
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.services.withdraw_protection import give_up_intents, withdraw_protection

INCIDENT = NO_STOP
_MOST_STEPS = 5
"""Of one position in one run: a list taken back, a list, a stop alone, a sale, and one to spare."""


def protect_positions(desk: TradingDesk) -> list[str]:
    """Bring every position's stop and target up to date: placed, replaced, raised, or the position sold (I7).

    What is wrong is found in the ledger each time, so a run that is killed here is completed by the next.

    Returns
    -------
    list of str
        Client order ids of the sales sent.

    Raises
    ------
    FixSettings, RetryLater
        What kept one position from its stop, after the others were seen to.
    """
    unsettled = desk.ledger.unsettled_orders(desk.account)
    positions = desk.ledger.open_positions(desk.account)
    orphans = {o.symbol for o in unsettled if o.kind.is_protective} - {position.symbol for position in positions}
    troubles: list[PlatformError] = []
    for symbol in sorted(orphans):
        with exits_first(troubles):
            withdraw_protection(desk, symbol, "there is nothing left to protect")
    sent = []
    if desk.settings.protection.enabled:
        moving = {order.symbol: order.side for order in unsettled if not order.kind.is_protective}
        for position in positions:
            symbol = position.symbol
            # an exit that is due still waits for the end of what rests: nothing new may be put there
            is_leaving = due_exit(desk.ledger, position, desk.clock.wall()) is not None
            if moving.get(symbol) is not Side.SELL and not is_leaving:
                with exits_first(troubles):
                    order_id = _protect(desk, symbol, may_sell=symbol not in moving)
                    if order_id:
                        sent.append(order_id)
    _close_incidents(desk)
    if troubles:
        raise troubles[0]
    return sent


def _protect(desk: TradingDesk, symbol: str, *, may_sell: bool) -> str | None:
    give_up_intents(desk, symbol)
    for _ in range(_MOST_STEPS):
        guard = guard_of_symbol(desk, symbol)
        if guard is None or guard.is_waiting(desk.clock.wall()):
            return None
        try:
            step = step_for(desk, guard)
        except SymbolNotTraded as unlisted:  # as a market that is closed, until the owner has moved the base away
            put_off(desk, guard.entry, Leg(LegKind.STOP, 1), ReasonCode.MARKET_CLOSED, str(unlisted))
            tell_no_stop(desk, symbol, str(unlisted))
            return None
        goes_on = False
        if isinstance(step, Place):
            goes_on = _place(desk, guard, step)
        elif isinstance(step, Withdraw) and guard.is_on_guard and (closed := why_closed(desk, symbol)):
            leg = Leg.parse(guard.at_work[0].leg)
            told = f"{step.why}, but {closed}: it stays where it is"
            put_off(desk, guard.entry, leg, ReasonCode.MARKET_CLOSED, told)
        elif isinstance(step, Withdraw):
            goes_on = withdraw_protection(desk, symbol, step.why)
        elif isinstance(step, Sell) and may_sell:
            return _sell(desk, guard, step)
        if not goes_on or isinstance(step, Leave):
            return None
    return None


def _sell(desk: TradingDesk, guard: Guard, step: Sell) -> str | None:
    symbol = guard.position.symbol
    unsellable = _why_unsellable(desk, guard) if step.reason is SellReason.TOO_SMALL_FOR_A_STOP else None
    if step.reason.is_emergency and not _has_left(desk, guard):
        then = "it is sold" if unsellable is None else "nor can it be sold"
        desk.journal.open_incident(INCIDENT + symbol, f"No stop for {symbol}", f"{step.why}: {then}", desk.clock.wall())
    leg = next_exit_leg(desk.ledger, guard.entry, desk.clock.wall())
    if leg is None:
        return None
    if unsellable is not None:
        is_over = guard.entry not in desk.ledger.open_signals(desk.account)
        if not (is_over and leave_dust(desk, symbol, guard.entry, leg, step.why)):
            put_off(desk, guard.entry, leg, unsellable, f"{step.why}, and for a sale")
        return None
    return sell_position(desk, symbol, guard.entry, leg, step.why)


def _why_unsellable(desk: TradingDesk, guard: Guard) -> ReasonCode | None:
    """Why the venue wouldn't take a sale of what is there; unknown without a price, and then it isn't tried."""
    symbol, instrument = guard.position.symbol, desk.instrument(guard.position.symbol)
    price = fresh_price(known_prices(desk.store, [symbol]), symbol, desk)
    if price is None:
        return ReasonCode.NO_FRESH_PRICE
    return None if instrument.is_tradable(sellable(desk, guard), price) else ReasonCode.BELOW_EXCHANGE_MINIMUM


def _place(desk: TradingDesk, guard: Guard, step: Place) -> bool:
    """Reserve and send a stop, with its target if it has one; whether the venue has answered."""
    orders = _orders(desk, guard, step)
    leg = Leg.parse(orders[0].leg)
    details = {
        "quantity": str(step.quantity),
        "stop": str(step.levels.stop),
        "target": None if step.levels.target is None else str(step.levels.target),
        "entry_price": str(guard.position.average_price),
    }
    approval = decision(desk, guard.entry, leg, ReasonCode.APPROVED, step.summary, is_final=False, details=details)
    try:
        desk.ledger.reserve_list(orders, approval)
    except AlreadyDone:
        return False
    except InsufficientFree as short:
        put_off(desk, guard.entry, leg, ReasonCode.INSUFFICIENT_FREE_BALANCE, str(short))
        return False
    return _send(desk, orders)


def _orders(desk: TradingDesk, guard: Guard, step: Place) -> list[Order]:
    signal_id = guard.entry.signal_id
    number = guard.attempts[-1].number + 1 if guard.attempts else 1
    list_id = None if step.levels.target is None else order_list_id(signal_id, number)
    base = desk.instrument(guard.position.symbol).base

    def order(
        leg: Leg, kind: OrderKind, reserved: Decimal, limit_price: Decimal | None, stop_price: Decimal | None
    ) -> Order:
        return Order(
            client_order_id=client_order_id(signal_id, leg),
            account=desk.account,
            signal_id=signal_id,
            leg=str(leg),
            strategy=guard.entry.strategy,
            symbol=guard.position.symbol,
            side=Side.SELL,
            quantity=step.quantity,
            status=OrderStatus.INTENDED,
            filled_quantity=Decimal(0),
            reserved_asset=base,
            reserved_amount=reserved,
            created_at=desk.clock.wall(),
            submitted_at=None,
            kind=kind,
            limit_price=limit_price,
            stop_price=stop_price,
            list_id=list_id,
        )

    stop = order(Leg(LegKind.STOP, number), OrderKind.STOP_LOSS, step.quantity, step.stop_limit, step.levels.stop)
    if step.levels.target is None:
        return [stop]
    target = Leg(LegKind.TARGET, number)
    return [stop, order(target, OrderKind.TAKE_PROFIT, Decimal(0), step.levels.target, None)]


def _send(desk: TradingDesk, orders: Sequence[Order]) -> bool:
    """Send them once; what happened is in the ledger when this returns. False if that isn't known, or nothing left."""
    return _may_leave(desk, orders) and _submit(desk, orders)


def _may_leave(desk: TradingDesk, orders: Sequence[Order]) -> bool:
    at = desk.clock.wall()
    try:
        for order in orders:
            desk.ledger.mark_submitted(order.client_order_id, at)
    except AlreadyDone:
        return False
    if (desk.clock.wall() - at).total_seconds() > desk.settings.execution.clock_margin_seconds / 2:
        # as in `submit_order`: another run may have given them up in the meantime
        late = RetryLater("too much time has passed since they were to leave")
        _close(desk, orders, late, NOT_PLACED, rejected=False)
        return False
    return True


def _submit(desk: TradingDesk, orders: Sequence[Order]) -> bool:
    stop, *rest = orders
    try:
        if rest:
            request = OrderListRequest(stop.list_id or "", stop.request, rest[0].request)
            reports = desk.broker.submit_list(request)
        else:
            reports = [desk.broker.submit(stop.request)]
    except MarketClosed as closed:
        _close(desk, orders, closed, MARKET_CLOSED, rejected=False)  # no refusal of this stop: it is tried again
        tell_no_stop(desk, stop.symbol)
        return False
    except OrderRejected as refusal:
        _close(desk, orders, refusal, refusal.code, rejected=True)
        return True
    except RetryLater as not_placed:
        _close(desk, orders, not_placed, NOT_PLACED, rejected=False)
        return False
    except FixSettings as mistake:
        _close(desk, orders, mistake, KEY_REFUSED, rejected=False)
        raise
    except AskTheVenue as lost:
        for order in orders:
            desk.ledger.mark_unknown(order.client_order_id, str(lost), desk.clock.wall())
        return False
    for report in reports:
        desk.ledger.book(report, desk.instrument_of_books(report.symbol), desk.clock.wall())
    return True


def _close(desk: TradingDesk, orders: Sequence[Order], why: PlatformError, code: str, *, rejected: bool) -> None:
    """End them; the target first, so that a refused stop is never final while its target isn't."""
    for order in reversed(orders):
        desk.ledger.close_unfilled(
            order.client_order_id, rejected=rejected, why=str(why), code=code, at=desk.clock.wall()
        )


def _close_incidents(desk: TradingDesk) -> None:
    for incident in desk.journal.open_incidents():
        if incident.key.startswith(INCIDENT):
            symbol = incident.key.removeprefix(INCIDENT)
            guard = guard_of_symbol(desk, symbol)
            has_left = guard is not None and _has_left(desk, guard)
            if guard is None or guard.is_on_guard or has_left:
                guarded = guard is not None and guard.is_on_guard
                tell_end(desk.journal, symbol, desk.clock.wall(), is_guarded=guarded, is_left_behind=has_left)


def _has_left(desk: TradingDesk, guard: Guard) -> bool:
    """Whether the base has left the account: the differing balance tells of it, and no stop is missing."""
    return is_left_behind(desk.ledger, guard.position, desk.settings.risk.notional_floor_quote)
