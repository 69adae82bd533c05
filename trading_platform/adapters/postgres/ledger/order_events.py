"""Events of orders: added in the transaction that they happen in, and never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from trading_platform.adapters.postgres.ledger.writes import Write, execute, insertion
from trading_platform.adapters.postgres.tables import ORDER_EVENTS
from trading_platform.domain.order import OrderStatus
from trading_platform.domain.order_machine import OrderEvent, OrderEventKind


def add_events(connection: Connection, events: Sequence[OrderEvent], others: Sequence[Write] = ()) -> None:
    """Write them down, in this order.

    Parameters
    ----------
    others
        Writes of the same transaction to other tables or other rows, none of which reads what another writes: they go
        as parts of the first event's statement, in no order of their own, so that all of them cost one round trip.
    """
    rows = [
        {
            "client_order_id": event.client_order_id,
            "kind": event.kind,
            "status": event.status,
            "reason": event.reason,
            "code": event.code,
            "at": event.at,
            "payload": json.dumps(_payload(event)),
        }
        for event in events
    ]
    first, *more = [insertion(ORDER_EVENTS, row) for row in rows]
    execute(connection, [*others, first])
    for each in more:  # in statements of their own: the events are numbered in this order
        execute(connection, [each])


def read_events(connection: Connection, client_order_id: str) -> list[OrderEvent]:
    """Everything that happened to the order, in order."""
    query = select(ORDER_EVENTS).where(ORDER_EVENTS.c.client_order_id == client_order_id)
    return [_event(row) for row in connection.execute(query.order_by(ORDER_EVENTS.c.event_id))]


def _payload(event: OrderEvent) -> dict[str, object]:
    payload: dict[str, object] = {"filled_quantity": str(event.filled_quantity)}
    if event.trade_ids:
        payload["trade_ids"] = list(event.trade_ids)
    if event.venue_order_id is not None:
        payload["venue_order_id"] = event.venue_order_id
    if event.details:
        payload["details"] = dict(event.details)
    return payload


def _event(row: Row[Any]) -> OrderEvent:
    payload = row.payload
    return OrderEvent(
        client_order_id=row.client_order_id,
        kind=OrderEventKind(row.kind),
        status=OrderStatus(row.status),
        at=row.at,
        reason=row.reason,
        code=row.code,
        filled_quantity=Decimal(payload.get("filled_quantity", 0)),
        trade_ids=tuple(payload.get("trade_ids", ())),
        venue_order_id=payload.get("venue_order_id"),
        details=payload.get("details", {}),
    )
