"""What orders hold of the balances; the two orders of a list hold the same base, once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, select

from trading_platform.adapters.postgres.ledger import accounts
from trading_platform.adapters.postgres.ledger.writes import Write, change, insertion
from trading_platform.adapters.postgres.tables import ORDERS, RESERVATIONS
from trading_platform.domain.booking import Reservation
from trading_platform.domain.order import Order
from trading_platform.ports.ledger import HeldReservation

_HEIR = """
UPDATE reservations SET remaining = :remaining, amount = greatest(amount, :remaining)
WHERE client_order_id = (
    SELECT client_order_id FROM orders
    WHERE list_id = :list_id AND client_order_id <> :client_order_id AND status <> ALL (:final)
)
"""


def make(connection: Connection, order: Order) -> Write:
    """Reserve what the order needs (I2); the statement that tells whose it is."""
    accounts.reserve(connection, order.account, order.reserved_asset, order.reserved_amount, order.created_at)
    row = {
        "client_order_id": order.client_order_id,
        "account": order.account,
        "asset": order.reserved_asset,
        "amount": order.reserved_amount,
        "remaining": order.reserved_amount,
        "state": "active",
        "created_at": order.created_at,
    }
    return insertion(RESERVATIONS, row)


def find(connection: Connection, client_order_id: str) -> HeldReservation | None:
    """What the order holds, or held; None if there is no such order."""
    columns = (RESERVATIONS.c.asset, RESERVATIONS.c.amount, RESERVATIONS.c.remaining, RESERVATIONS.c.state)
    row = connection.execute(select(*columns).where(RESERVATIONS.c.client_order_id == client_order_id)).one_or_none()
    return None if row is None else HeldReservation(*row)


def held_by(connection: Connection, order: Order, own: Decimal) -> Reservation:
    """What the order holds, of which `own` in its own name; its account is locked by the caller."""
    if order.list_id is None:
        return Reservation(own)
    query = (
        select(RESERVATIONS.c.remaining)
        .join(ORDERS, ORDERS.c.client_order_id == RESERVATIONS.c.client_order_id)
        .where(_is_other_of(order))
    )
    return Reservation(own, connection.execute(query).scalar())


def writes(order: Order, before: Reservation, after: Reservation, end: str | None, at: datetime) -> list[Write]:
    """The statements that store what is held now; balances are the caller's business, in the same transaction.

    Parameters
    ----------
    end
        ``settled`` by fills or ``released`` without, if the order holds nothing any more because it is final.
    """
    found = []
    own = {"client_order_id": order.client_order_id}
    if end is not None:
        found.append(change(RESERVATIONS, own, {"remaining": accounts.ZERO, "state": end, "ended_at": at}))
    elif after.own != before.own:
        found.append(change(RESERVATIONS, own, {"remaining": after.own}))
    if after.other is not None and after.other != before.other:
        heir = {"remaining": after.other, "list_id": order.list_id, **own, "final": accounts.FINAL}
        found.append(Write(_HEIR, heir))
    return found


def _is_other_of(order: Order) -> ColumnElement[bool]:
    """The other order of the list, while it isn't final."""
    is_other = ORDERS.c.list_id == order.list_id, ORDERS.c.client_order_id != order.client_order_id
    return is_other[0] & is_other[1] & ORDERS.c.status.not_in(accounts.FINAL)
