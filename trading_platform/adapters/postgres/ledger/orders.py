"""Orders with their reservations and events, up to the venue's first word about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, or_, select, update

from trading_platform.adapters.postgres.ledger import accounts, reservations
from trading_platform.adapters.postgres.ledger.armings import refuse_while_unarmed
from trading_platform.adapters.postgres.ledger.halts import refuse_while_halted
from trading_platform.adapters.postgres.ledger.order_events import add_events
from trading_platform.adapters.postgres.ledger.signals import writes_of
from trading_platform.adapters.postgres.ledger.writes import Write, change, execute, insertion
from trading_platform.adapters.postgres.tables import ACCOUNTS, ORDERS, RESERVATIONS, SIGNALS
from trading_platform.domain.errors import AlreadyDone, TransitionForbidden
from trading_platform.domain.order import Order, OrderKind, OrderStatus, Side
from trading_platform.domain.order_machine import OrderEvent, OrderEventKind, allows, apply, happened
from trading_platform.domain.position import Position
from trading_platform.domain.signal import LegKind
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import AssetBalance, Decision

UNANSWERED = (OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


def reserve(connection: Connection, order: Order, decision: Decision, replaces: str | None) -> None:
    """Commit intent, reservation and approving decision together (I2, I3)."""
    accounts.revise(connection, order.account)
    if order.side is Side.BUY:
        refuse_while_halted(connection, order.account)
        refuse_while_unarmed(connection, order.account)
    _intend(connection, order, decision, writes_of(decision))
    if replaces is not None:
        told, why = {"by": order.client_order_id}, f"{order.leg}: {decision.message}"
        if not record_event(connection, replaces, OrderEventKind.REPRICED, why, order.created_at, told):
            raise TransitionForbidden(f"order {replaces} hasn't ended: nothing can take its place")


def reserve_list(connection: Connection, orders: Sequence[Order], decision: Decision) -> None:
    """Commit the intents of a list, what they hold together, and the approving decision."""
    accounts.revise(connection, decision.account)
    for order in orders:
        _intend(connection, order, decision)
    execute(connection, writes_of(decision))


def _intend(connection: Connection, order: Order, decision: Decision, others: Sequence[Write] = ()) -> None:
    if not _insert_order(connection, order):
        raise AlreadyDone(f"the {order.leg} of signal {order.signal_id} has its order already")
    reservation = reservations.make(connection, order)
    intended = happened(order, OrderEventKind.INTENDED, order.created_at, decision.message)
    add_events(connection, [intended], [reservation, *others])


def mark_submitted(connection: Connection, client_order_id: str, at: datetime) -> None:
    """Intended becomes submitted, but for an entry that may not leave any more."""
    _refuse_stopped_entry(connection, client_order_id)
    kind = OrderEventKind.SUBMITTED
    if not record_event(connection, client_order_id, kind, "about to be sent", at):
        raise AlreadyDone(f"order {client_order_id} is not merely intended any more: it was sent or closed elsewhere")


def _refuse_stopped_entry(connection: Connection, client_order_id: str) -> None:
    """Raise AccountHalted or NotArmed for a buy. The account is locked, as a halt locks it: one of the two is first."""
    buyer = connection.execute(_LOCKED_BUYER, {"named": client_order_id}).one_or_none()
    if buyer is None:
        return
    refuse_while_halted(connection, buyer.name)
    if buyer.mode == "live":
        refuse_while_unarmed(connection, buyer.name)


def mark_unknown(connection: Connection, client_order_id: str, why: str, at: datetime) -> None:
    """The answer was lost; an order of which the venue has told something since is left as it is."""
    record_event(connection, client_order_id, OrderEventKind.MARKED_UNKNOWN, why, at)


def request_cancel(connection: Connection, client_order_id: str, why: str, at: datetime) -> None:
    """Write down that the cancel is about to leave."""
    if not record_event(connection, client_order_id, OrderEventKind.CANCEL_REQUESTED, why, at):
        raise TransitionForbidden(f"order {client_order_id} has nothing that could be cancelled")


def forget_cancel(connection: Connection, client_order_id: str, requested_at: datetime, why: str, at: datetime) -> None:
    """Write down that the cancel didn't arrive, unless another is under way."""
    record_event(
        connection,
        client_order_id,
        OrderEventKind.CANCEL_LAPSED,
        why,
        at,
        only_if=lambda order: order.cancel_requested_at == requested_at,
    )


def close_unfilled(
    connection: Connection,
    client_order_id: str,
    kind: OrderEventKind,
    why: str,
    code: str,
    at: datetime,
    seen: OrderStatus | None,
) -> None:
    """End it without fills and release the reservation, unless it has moved on since it was `seen`."""
    order, row = lock_order(connection, client_order_id)
    if order.status not in UNANSWERED or seen not in (None, order.status):
        return
    event = happened(order, kind, at, why, code=code)
    after = apply(order, event)
    held = reservations.held_by(connection, order, row.remaining)
    kept = held.after(accounts.ZERO, is_final=True)
    before = accounts.read_balances(connection, order.account)[order.reserved_asset]
    balance = AssetBalance(before.total, before.reserved - (held.held - kept.held))
    released = accounts.BalanceChange(order.reserved_asset, before, balance)
    writes = [
        *accounts.balance_writes(order.account, [released], at=at, cause="booking"),
        *reservations.writes(order, held, kept, "released", at),
        accounts.revision_of(order.account),
    ]
    write_order(connection, after, [event], writes)


def lock_order(connection: Connection, client_order_id: str) -> tuple[Order, Row[Any]]:
    """The order, and a row with what its reservation has left (`remaining`) and its signal's `candle_close`.

    Its account is locked first, in a statement of its own: what is read after that can't be out of date. Then the
    order, for what is about to leave, or to be cancelled, locks only that: an intent that is given up can't leave any
    more, and a report that is booked can't undo that a cancel was asked for.

    Raises
    ------
    LookupError
        If the ledger has no such order.
    """
    named = {"named": client_order_id}
    if connection.execute(_LOCKED_OWNER, named).one_or_none() is None:
        raise LookupError(f"the ledger has no order {client_order_id!r}")
    row = connection.execute(_ORDER_TO_BOOK, named).one()
    return _order(row), row


def record_event(
    connection: Connection,
    client_order_id: str,
    kind: OrderEventKind,
    reason: str,
    at: datetime,
    details: Mapping[str, str] | None = None,
    only_if: Callable[[Order], bool] | None = None,
) -> bool:
    """Let an event of ours happen to an order; False, and nothing written, if it can't in the order's status."""
    row = connection.execute(_LOCKED_ORDER, {"named": client_order_id}).one_or_none()
    if row is None or not allows(OrderStatus(row.status), kind):
        return False
    order = _order(row)
    if only_if is not None and not only_if(order):
        return False
    event = happened(order, kind, at, reason, details=details)
    write_order(connection, apply(order, event), [event])
    return True


def write_order(
    connection: Connection, order: Order, events: Sequence[OrderEvent], others: Sequence[Write] = ()
) -> None:
    """Store what changes in an order, the events that it comes from, and what `others` store, in one round trip."""
    changed = {
        "status": order.status,
        "filled_quantity": order.filled_quantity,
        "venue_order_id": order.venue_order_id,
        "submitted_at": order.submitted_at,
        "cancel_requested_at": order.cancel_requested_at,
    }
    row = change(ORDERS, {"client_order_id": order.client_order_id}, changed)
    add_events(connection, events, [*others, row])


def unsettled_orders(connection: Connection, account: str) -> list[Order]:
    """Orders that aren't final, exits first, then oldest first."""
    query = _orders().where(ORDERS.c.account == account, ORDERS.c.status.not_in(accounts.FINAL))
    order = ((ORDERS.c.side == Side.SELL).desc(), ORDERS.c.created_at, ORDERS.c.client_order_id)
    return [_order(row) for row in connection.execute(query.order_by(*order))]


def find_order(connection: Connection, client_order_id: str) -> Order | None:
    """The order of that id."""
    row = connection.execute(_orders().where(ORDERS.c.client_order_id == client_order_id)).one_or_none()
    return None if row is None else _order(row)


def recent_orders(connection: Connection, account: str, limit: int) -> list[Order]:
    """Newest orders first."""
    query = _orders().where(ORDERS.c.account == account)
    newest = query.order_by(ORDERS.c.created_at.desc(), ORDERS.c.client_order_id).limit(limit)
    return [_order(row) for row in connection.execute(newest)]


def orders_of_signal(connection: Connection, account: str, signal_id: str) -> list[Order]:
    """All of the signal's orders, oldest first."""
    query = _orders().where(ORDERS.c.account == account, ORDERS.c.signal_id == signal_id)
    return [_order(row) for row in connection.execute(query.order_by(ORDERS.c.created_at, ORDERS.c.client_order_id))]


def orders_of_position(connection: Connection, position: Position) -> list[Order]:
    """Orders of the signals that opened it and, until it was closed, said to close it; oldest first."""
    close = SIGNALS.c.candle_close
    until = [] if position.closed_at is None else [close <= position.closed_at]
    closing = and_(SIGNALS.c.direction == Direction.SHORT, close > position.entry_candle_close, *until)
    signals = select(SIGNALS.c.signal_id).where(
        SIGNALS.c.account == position.account,
        SIGNALS.c.symbol == position.symbol,
        SIGNALS.c.strategy == position.strategy,
        or_(close == position.entry_candle_close, closing),
    )
    query = _orders().where(ORDERS.c.account == position.account, ORDERS.c.signal_id.in_(signals))
    return [_order(row) for row in connection.execute(query.order_by(ORDERS.c.created_at, ORDERS.c.client_order_id))]


def note_asked(connection: Connection, client_order_id: str, at: datetime) -> None:
    """Remember when the venue last told of it."""
    connection.execute(update(ORDERS).where(ORDERS.c.client_order_id == client_order_id).values(asked_at=at))


def exit_legs(connection: Connection, account: str, signal_id: str) -> int:
    """How many exit orders the signal has."""
    query = select(func.count()).where(
        ORDERS.c.account == account, ORDERS.c.signal_id == signal_id, ORDERS.c.leg.startswith(LegKind.EXIT)
    )
    return connection.execute(query).scalar_one()


def _insert_order(connection: Connection, order: Order) -> bool:
    row = {
        "client_order_id": order.client_order_id,
        "account": order.account,
        "signal_id": order.signal_id,
        "leg": order.leg,
        "strategy": order.strategy,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": order.quantity,
        "status": order.status,
        "created_at": order.created_at,
        "submitted_at": order.submitted_at,
        "kind": order.kind,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "list_id": order.list_id,
        "expires_at": order.expires_at,
    }
    stored = insertion(ORDERS, row)
    return execute(connection, [Write(f"{stored.sql} ON CONFLICT DO NOTHING", stored.values)]) == 1


def _orders() -> Select[Any]:
    reserved = (RESERVATIONS.c.asset.label("reserved_asset"), RESERVATIONS.c.amount.label("reserved_amount"))
    return select(ORDERS, *reserved).join(RESERVATIONS, RESERVATIONS.c.client_order_id == ORDERS.c.client_order_id)


def _order(row: Row[Any]) -> Order:
    return Order(
        client_order_id=row.client_order_id,
        account=row.account,
        signal_id=row.signal_id,
        leg=row.leg,
        strategy=row.strategy,
        symbol=row.symbol,
        side=Side(row.side),
        quantity=row.quantity,
        status=OrderStatus(row.status),
        filled_quantity=row.filled_quantity,
        reserved_asset=row.reserved_asset,
        reserved_amount=row.reserved_amount,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        venue_order_id=row.venue_order_id,
        kind=OrderKind(row.kind),
        limit_price=row.limit_price,
        stop_price=row.stop_price,
        list_id=row.list_id,
        expires_at=row.expires_at,
        cancel_requested_at=row.cancel_requested_at,
        asked_at=row.asked_at,
    )


# what an order is locked and read by on its way to the venue and back, put together once
_NAMED = ORDERS.c.client_order_id == bindparam("named")
_LOCKED_ORDER = _orders().where(_NAMED).with_for_update(of=ORDERS)
_LOCKED_OWNER = accounts.locked(select(ORDERS.c.account).where(_NAMED).scalar_subquery())
_LOCKED_BUYER = (
    select(ACCOUNTS.c.name, ACCOUNTS.c.mode)
    .where(ACCOUNTS.c.name == select(ORDERS.c.account).where(_NAMED, ORDERS.c.side == Side.BUY).scalar_subquery())
    .with_for_update(key_share=True)
)
_ORDER_TO_BOOK = (
    _orders()
    .add_columns(RESERVATIONS.c.remaining, SIGNALS.c.candle_close)
    .join(SIGNALS, SIGNALS.c.signal_id == ORDERS.c.signal_id)
    .where(_NAMED)
    .with_for_update(of=ORDERS)
)
