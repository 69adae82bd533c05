"""Send orders once and follow each to its end; whatever is unknown, ask the venue (I3, I4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from trading_platform.domain.errors import AlreadyDone, AskTheVenue, OrderNotKnown, OrderRejected, RetryLater
from trading_platform.domain.order import Order, OrderStatus
from trading_platform.services.trading_desk import TradingDesk

log = structlog.get_logger()


def take_up_orders(desk: TradingDesk) -> list[Order]:
    """Ask the venue about every order that isn't final, exits first, and book what it says.

    Returns
    -------
    list of Order
        Those that are still not final afterwards.
    """
    for order in desk.ledger.unsettled_orders(desk.account):
        settle_order(desk, order)
    return desk.ledger.unsettled_orders(desk.account)


def settle_order(desk: TradingDesk, order: Order) -> None:
    """Book the venue's word on one order; without an answer it stays as it is."""
    try:
        report = desk.broker.find(order.symbol, order.client_order_id)
    except OrderNotKnown:
        _give_up_if_it_can_no_longer_arrive(desk, order)
    except RetryLater as silence:
        log.warning("order_outcome_still_unknown", client_order_id=order.client_order_id, why=str(silence))
    else:
        desk.ledger.book(report, desk.instrument(order.symbol), desk.clock.wall())


def submit_order(desk: TradingDesk, order: Order) -> None:
    """Send a reserved order. Whatever happens is in the ledger when this returns; nothing is ever sent again.

    That the order is about to leave is committed first: a crash after it leaves an order to ask for, never one to
    repeat.
    """
    client_order_id = order.client_order_id
    try:
        desk.ledger.mark_submitted(client_order_id, desk.clock.wall())
    except AlreadyDone:
        return
    try:
        report = desk.broker.submit(order.request)
    except OrderRejected as refusal:
        desk.ledger.close_unfilled(
            client_order_id, rejected=True, why=str(refusal), code=refusal.code, at=desk.clock.wall()
        )
    except RetryLater as not_placed:
        desk.ledger.close_unfilled(
            client_order_id, rejected=True, why=str(not_placed), code="not_placed", at=desk.clock.wall()
        )
    except AskTheVenue as lost:
        desk.ledger.mark_unknown(client_order_id, str(lost), desk.clock.wall())
    else:
        desk.ledger.book(report, desk.instrument(order.symbol), desk.clock.wall())


def follow_orders(desk: TradingDesk, *, sleep: Callable[[float], None] = time.sleep) -> list[Order]:
    """Ask again and again until every order is final, or the run's time is up (the next run takes them up)."""
    execution = desk.settings.execution
    rounds = max(1, int(execution.follow_seconds / execution.poll_seconds))
    for _ in range(rounds):
        waiting = desk.ledger.unsettled_orders(desk.account)
        # an unknown order is asked for once per run: its answer may take recv_window and more
        if not any(order.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED) for order in waiting):
            return waiting
        sleep(execution.poll_seconds)
        for order in waiting:
            settle_order(desk, order)
    return desk.ledger.unsettled_orders(desk.account)


def _give_up_if_it_can_no_longer_arrive(desk: TradingDesk, order: Order) -> None:
    """'Not found' is final only once a delayed request couldn't be accepted any more."""
    window = timedelta(
        milliseconds=desk.settings.venue.recv_window_ms, seconds=desk.settings.execution.clock_margin_seconds
    )
    wall = desk.clock.wall()
    sent_at = order.submitted_at or order.created_at
    if wall - sent_at <= window:
        return
    if order.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED):
        log.error("venue_forgot_an_order_it_had_confirmed", client_order_id=order.client_order_id)
        return
    desk.ledger.close_unfilled(
        order.client_order_id,
        rejected=False,
        why="the venue never received it",
        code="never_arrived",
        at=wall,
        seen=order.status,
    )
