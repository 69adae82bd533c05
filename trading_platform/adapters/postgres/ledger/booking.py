"""Booking a venue's report: fills, balances, position, reservation and order status in one transaction (I5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

from sqlalchemy import Connection, select

from trading_platform.adapters.postgres.ledger import accounts, orders, positions, reservations
from trading_platform.adapters.postgres.ledger.writes import Write, insertion
from trading_platform.adapters.postgres.tables import FILLS, ORDERS
from trading_platform.domain.booking import OrderBooking, Reservation, book_balance, book_report
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order, OrderReport, Side
from trading_platform.domain.order_machine import apply, reported
from trading_platform.ports.ledger import AssetBalance

_FILL = [FILLS.c[name] for name in ("venue_trade_id", "price", "quantity", "fee", "fee_asset", "filled_at")]


def book(connection: Connection, report: OrderReport, instrument: Instrument, at: datetime) -> Order:
    """Book a report; one that tells nothing new changes nothing. The order afterwards.

    What is read is read first: all that changes is then written in one round trip.
    """
    order, row = orders.lock_order(connection, report.client_order_id)
    held = reservations.held_by(connection, order, row.remaining)
    booking = book_report(order, held, _booked_trade_ids(connection, order, report), report, instrument)
    events = reported(order, report, booking, at)
    if not events:
        return order
    after = reduce(apply, events, order)
    writes = _balance_writes(connection, order, booking, held, at)
    if not order.status.is_final:
        end = ("settled" if booking.filled_quantity else "released") if booking.status.is_final else None
        writes += reservations.writes(order, held, booking.reservation, end, at)
    if booking.fills:
        writes += _writes_of_fills(order, booking.fills, at)
        writes += positions.writes_of_fills(connection, order, row.candle_close, booking.fills, instrument)
    orders.write_order(connection, after, events, [*writes, accounts.revision_of(order.account)])
    return after


def fills_of(connection: Connection, client_order_id: str) -> list[Fill]:
    """The order's fills, oldest first."""
    query = select(*_FILL).where(FILLS.c.client_order_id == client_order_id)
    return [Fill(*row) for row in connection.execute(query.order_by(FILLS.c.filled_at, FILLS.c.venue_trade_id))]


def recent_fills(connection: Connection, account: str, limit: int) -> list[tuple[str, Side, Fill]]:
    """Newest fills first: symbol, side, fill."""
    query = (
        select(FILLS.c.symbol, ORDERS.c.side, *_FILL)
        .join(ORDERS, ORDERS.c.client_order_id == FILLS.c.client_order_id)
        .where(FILLS.c.account == account)
        .order_by(FILLS.c.filled_at.desc(), FILLS.c.symbol, FILLS.c.venue_trade_id)
        .limit(limit)
    )
    return [(symbol, Side(side), Fill(*fill)) for symbol, side, *fill in connection.execute(query)]


def _booked_trade_ids(connection: Connection, order: Order, report: OrderReport) -> frozenset[str]:
    if not report.fills or not order.filled_quantity:
        return frozenset()  # an order that nothing is booked of has no fills: that query would find none
    query = select(FILLS.c.venue_trade_id).where(
        FILLS.c.account == order.account,
        FILLS.c.symbol == order.symbol,
        FILLS.c.venue_trade_id.in_([fill.venue_trade_id for fill in report.fills]),
    )
    return frozenset(connection.execute(query).scalars())


def _balance_writes(
    connection: Connection, order: Order, booking: OrderBooking, held: Reservation, at: datetime
) -> list[Write]:
    known = accounts.read_balances(connection, order.account)
    changes = []
    for asset in sorted({*booking.changes, order.reserved_asset}):
        released = held.held - booking.reservation.held if asset == order.reserved_asset else accounts.ZERO
        before = known.get(asset, accounts.NOTHING)
        booked = book_balance(before.total, before.reserved, booking.changes.get(asset, accounts.ZERO), released)
        after = AssetBalance(booked.total, booked.reserved)
        changes.append(accounts.BalanceChange(asset, known.get(asset), after, booked.missing))
    return accounts.balance_writes(
        order.account, changes, at=at, cause="booking", client_order_id=order.client_order_id
    )


def _writes_of_fills(order: Order, fills: Sequence[Fill], at: datetime) -> list[Write]:
    return [
        insertion(
            FILLS,
            {
                "account": order.account,
                "symbol": order.symbol,
                "venue_trade_id": fill.venue_trade_id,
                "client_order_id": order.client_order_id,
                "price": fill.price,
                "quantity": fill.quantity,
                "fee": fill.fee,
                "fee_asset": fill.fee_asset,
                "filled_at": fill.time,
                "recorded_at": at,
            },
        )
        for fill in fills
    ]
