"""Send orders once and follow each to its end; whatever is unknown, ask the venue (I3, I4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from trading_platform.domain.attempts import KEY_REFUSED, NOT_PLACED
from trading_platform.domain.errors import (
    AccountHalted,
    AlreadyDone,
    AskTheVenue,
    FixSettings,
    NotArmed,
    OrderNotKnown,
    OrderRejected,
    PlatformError,
    RetryLater,
    SymbolNotTraded,
    TransitionForbidden,
)
from trading_platform.domain.order import Order, OrderReport, OrderStatus, Side
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.ledger import Ledger
from trading_platform.services.arm_account import why_not_armed
from trading_platform.services.exits_first import exits_first
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.settings import Settings

LOST = "lost order "
"""Key of the incident about an order of ours that the venue or the ledger doesn't know."""

_WORKING = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)

log = structlog.get_logger()


def take_up_orders(desk: TradingDesk) -> list[Order]:
    """Ask the venue about every order that isn't final, exits first, and book what it says.

    Stops and targets that rest are looked at all together, by `look_at_venue_orders`.

    Returns
    -------
    list of Order
        Those that are still not final afterwards.

    Raises
    ------
    FixSettings, RetryLater
        What kept one of them from being asked for, after the others were.
    """
    troubles: list[PlatformError] = []
    for order in desk.ledger.unsettled_orders(desk.account):
        if not order.is_on_guard:
            with exits_first(troubles):
                settle_order(desk, order)
    if troubles:
        raise troubles[0]
    return desk.ledger.unsettled_orders(desk.account)


def settle_order(desk: TradingDesk, order: Order) -> None:
    """Book the venue's word on one order; without an answer it stays as it is."""
    asked_at = desk.clock.wall()
    try:
        report = desk.broker.find(order.symbol, order.client_order_id)
    except (OrderNotKnown, SymbolNotTraded):
        _give_up_if_it_can_no_longer_arrive(desk, order)
    except RetryLater as silence:
        log.warning("order_outcome_still_unknown", client_order_id=order.client_order_id, why=str(silence))
    else:
        after = desk.ledger.book(report, desk.instrument_of_books(order.symbol), desk.clock.wall())
        if after.rests:
            desk.ledger.note_asked(order.client_order_id, desk.clock.wall())
        if after.status in _WORKING:
            _forget_cancel_that_did_not_arrive(desk, order, asked_at)


def submit_order(desk: TradingDesk, order: Order) -> None:
    """Send a reserved order. Whatever happens is in the ledger when this returns; nothing is ever sent again.

    That the order is about to leave is committed first: a crash after it leaves an order to ask for, never one to
    repeat. In the same transaction an entry is stopped by a halt that came since its money was reserved.

    Raises
    ------
    FixSettings
        If the venue refused the key, after that has been written down: the owner must see it.
    """
    client_order_id, at = order.client_order_id, desk.clock.wall()
    try:
        desk.ledger.mark_submitted(client_order_id, at)
    except AlreadyDone:
        return
    except (AccountHalted, NotArmed) as stopped:
        _close_refused(desk, order, stopped, stopped.reason_code)
        return
    if (desk.clock.wall() - at).total_seconds() > desk.settings.execution.clock_margin_seconds / 2:
        # a run that was suspended here may have been given up by another: what it sent now, nobody would look for
        _close_refused(desk, order, RetryLater("too much time has passed since it was to leave"), NOT_PLACED)
        return
    try:
        report = desk.broker.submit(order.request)
    except OrderRejected as refusal:
        _close_refused(desk, order, refusal, refusal.code)
    except RetryLater as not_placed:
        _close_refused(desk, order, not_placed, NOT_PLACED)
    except FixSettings as mistake:
        _close_refused(desk, order, mistake, KEY_REFUSED)
        raise
    except AskTheVenue as lost:
        desk.ledger.mark_unknown(client_order_id, str(lost), desk.clock.wall())
    else:
        desk.ledger.book(report, desk.instrument_of_books(order.symbol), desk.clock.wall())


def cancel_order(desk: TradingDesk, order: Order, why: str) -> None:
    """Cancel what is left of an order and book its last report; without an answer, the next run does it again.

    A cancel may be repeated: there is nothing that it could do twice.
    """
    try:
        desk.ledger.request_cancel(order.client_order_id, why, desk.clock.wall())
    except TransitionForbidden:
        return  # it has ended in the meantime
    try:
        report = desk.broker.cancel(order.symbol, order.client_order_id)
    except (OrderNotKnown, SymbolNotTraded):
        settle_order(desk, order)  # filled, or cancelled by a request whose answer was lost
    except (AskTheVenue, RetryLater) as silence:
        log.warning("cancel_not_confirmed", client_order_id=order.client_order_id, why=str(silence))
    else:
        desk.ledger.book(report, desk.instrument_of_books(order.symbol), desk.clock.wall())


def cancel_overdue(desk: TradingDesk) -> None:
    """Cancel the entries that rest beyond their time limit, against a newer verdict of their strategy, or a halt.

    What a halt must stop needs no clock of the venue's: it comes first.
    """
    limited = [order for order in desk.ledger.unsettled_orders(desk.account) if order.rests and order.expires_at]
    if not limited:
        return
    stopped = why_buying_is_stopped(desk.ledger, desk.settings)
    if stopped:
        for order in (each for each in limited if each.side is Side.BUY):
            cancel_order(desk, order, stopped)
        return
    now = desk.clock.read().now
    for order in limited:
        if order.expires_at is not None and now >= order.expires_at:
            cancel_order(desk, order, "its time is up")
        elif order.side is Side.BUY and not _still_governs(desk, order):
            cancel_order(desk, order, "a newer signal governs")


def why_buying_is_stopped(ledger: Ledger, settings: Settings) -> str | None:
    """Why nothing may be bought by anyone, in plain words: a halt, or real money without its permission; or None."""
    halt = ledger.halt_in_force(settings.account.name)
    if halt is not None:
        return halt.told
    return why_not_armed(ledger, settings) if settings.is_live else None


def needs_asking(order: Order, now: VenueTime, resting_poll_seconds: float) -> bool:
    """Whether a run should ask the venue about the order, or cancel it, now.

    What rests may do so for days: its stream tells when it fills, and REST is asked now and then.
    """
    if not order.rests or order.asked_at is None:
        return True
    if order.expires_at is not None and now.now >= order.expires_at:
        return True
    return (now.wall - order.asked_at).total_seconds() >= resting_poll_seconds


def follow_orders(desk: TradingDesk, *, sleep: Callable[[float], None] = time.sleep) -> list[Order]:
    """Ask again and again until every order is final, or the run's time is up (the next run takes them up)."""
    execution = desk.settings.execution
    rounds = max(1, int(execution.follow_seconds / execution.poll_seconds))
    for _ in range(rounds):
        waiting = desk.ledger.unsettled_orders(desk.account)
        # an unknown order is asked for once per run: its answer may take recv_window and more; what rests, longer yet
        working = [order for order in waiting if order.status in _WORKING and not order.rests]
        if not working:
            return waiting
        sleep(execution.poll_seconds)
        for order in working:
            settle_order(desk, order)
    return desk.ledger.unsettled_orders(desk.account)


def _still_governs(desk: TradingDesk, order: Order) -> bool:
    """Whether no newer verdict of its strategy stands against the order; an exit that it says mustn't wait for it."""
    newest = desk.ledger.recent_signals(desk.account, 1, symbol=order.symbol, strategy=order.strategy)
    return not newest or newest[0].signal_id == order.signal_id


def _close_refused(desk: TradingDesk, order: Order, refusal: PlatformError, code: str) -> None:
    desk.ledger.close_unfilled(order.client_order_id, rejected=True, why=str(refusal), code=code, at=desk.clock.wall())


def _forget_cancel_that_did_not_arrive(desk: TradingDesk, order: Order, asked_at: datetime) -> None:
    """What the venue still has, asked when the cancel was too old to be accepted, rests as if it hadn't been sent.

    Whoever wants it gone cancels it again. Left as it was, a stop on a closed market would count as uncertain for as
    long: no balance could be compared beside it, and its position would be told to be without one.
    """
    requested_at = order.cancel_requested_at
    if requested_at is not None and asked_at - requested_at > _longest_way(desk):
        why = "the cancel never arrived, and can't any more: the venue has the order still"
        desk.ledger.forget_cancel(order.client_order_id, requested_at, why, desk.clock.wall())


def _longest_way(desk: TradingDesk) -> timedelta:
    """After so long no request is accepted any more, and every server of the venue's knows those that were."""
    return timedelta(
        milliseconds=desk.settings.venue.recv_window_ms, seconds=desk.settings.execution.clock_margin_seconds
    )


def _give_up_if_it_can_no_longer_arrive(desk: TradingDesk, order: Order) -> None:
    """'Not found' is final only once a delayed request couldn't be accepted, nor a late server still not know it."""
    wall = desk.clock.wall()
    sent_at = order.submitted_at or order.created_at
    if wall - sent_at <= _longest_way(desk):
        return
    if order.status in _WORKING:
        _end_forgotten(desk, order)
        return
    desk.ledger.close_unfilled(
        order.client_order_id,
        rejected=False,
        why="the venue never received it",
        code="never_arrived",
        at=wall,
        seen=order.status,
    )


def _end_forgotten(desk: TradingDesk, order: Order) -> None:
    """End an order that the venue had confirmed and knows nothing of any more.

    Kept as it was it would hold its money, keep its symbol from being sold and the balances from being compared, for
    good. If the venue shows it again after all, `look_at_venue_orders` takes it back and books what it has filled.
    """
    wall = desk.clock.wall()
    log.error("venue_forgot_an_order_it_had_confirmed", client_order_id=order.client_order_id)
    desk.journal.open_incident(
        LOST + order.client_order_id,
        f"The venue has forgotten an order in {order.symbol}",
        f"the {order.leg} that it had confirmed is unknown to it now; it counts as ended",
        wall,
    )
    desk.ledger.book(
        OrderReport(
            order.client_order_id,
            order.symbol,
            order.venue_order_id or "",
            OrderStatus.EXPIRED,
            order.filled_quantity,
            (),
        ),
        desk.instrument_of_books(order.symbol),
        wall,
    )
