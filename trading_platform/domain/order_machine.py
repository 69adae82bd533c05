"""What may happen to an order: typed events, and the table of transitions that they may make.

An order's state is what its events leave: replaying them gives it again. The venue's word is always taken, as long as
it is possible; what could only be a mistake of ours is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from trading_platform.domain.booking import OrderBooking
from trading_platform.domain.errors import TransitionForbidden
from trading_platform.domain.order import Order, OrderReport, OrderStatus


class OrderEventKind(StrEnum):
    """What happened."""

    INTENDED = "intended"  # committed with its reservation
    SUBMITTED = "submitted"  # about to be sent
    ACKNOWLEDGED = "acknowledged"  # the venue has it
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCEL_REQUESTED = "cancel_requested"  # about to be cancelled
    CANCEL_LAPSED = "cancel_lapsed"  # it can't arrive any more, and the venue has the order still
    CANCELLED = "cancelled"
    REJECTED = "rejected"  # certainly refused, nothing was placed
    EXPIRED = "expired"  # by the venue, or it certainly never arrived
    MARKED_UNKNOWN = "marked_unknown"  # its answer was lost
    FOUND = "found"  # the venue was asked, and has it
    FILLED_LATE = "filled_late"  # fills of an order that was already final
    REPRICED = "repriced"  # another order of its signal takes its place at another price


@dataclass(frozen=True)
class OrderEvent:
    """One thing that happened to an order.

    Parameters
    ----------
    status
        What it left the order in.
    at
        Wall clock.
    code
        The venue's own error code, or ours, where the order ended without fills.
    filled_quantity
        Sum of all fills after it.
    trade_ids
        The venue's ids of the fills that came with it.
    """

    client_order_id: str
    kind: OrderEventKind
    status: OrderStatus
    at: datetime
    reason: str = ""
    code: str | None = None
    filled_quantity: Decimal = Decimal(0)
    trade_ids: tuple[str, ...] = ()
    venue_order_id: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


_S, _K = OrderStatus, OrderEventKind
_UNANSWERED = (_S.INTENDED, _S.SUBMITTED, _S.UNKNOWN)
_WORKING = (_S.OPEN, _S.PARTIALLY_FILLED)
_ENDS = tuple(status for status in _S if status.is_final)


def _to(target: OrderStatus, *sources: OrderStatus) -> dict[OrderStatus, frozenset[OrderStatus]]:
    return {source: frozenset({target}) for source in sources}


def _stays(*sources: OrderStatus) -> dict[OrderStatus, frozenset[OrderStatus]]:
    return {source: frozenset({source}) for source in sources}


TRANSITIONS: Final[Mapping[OrderEventKind, Mapping[OrderStatus, frozenset[OrderStatus]]]] = {
    _K.INTENDED: {},  # the first event, and never another
    _K.SUBMITTED: _to(_S.SUBMITTED, _S.INTENDED),
    _K.ACKNOWLEDGED: _to(_S.OPEN, *_UNANSWERED),
    _K.PARTIALLY_FILLED: _to(_S.PARTIALLY_FILLED, *_UNANSWERED, *_WORKING),
    _K.FILLED: _to(_S.FILLED, *_UNANSWERED, *_WORKING),
    _K.CANCEL_REQUESTED: _stays(_S.SUBMITTED, _S.UNKNOWN, *_WORKING),
    _K.CANCEL_LAPSED: _stays(*_WORKING),
    _K.CANCELLED: _to(_S.CANCELLED, *_UNANSWERED, *_WORKING),
    _K.REJECTED: _to(_S.REJECTED, *_UNANSWERED, _S.OPEN),
    _K.EXPIRED: _to(_S.EXPIRED, *_UNANSWERED, *_WORKING),
    _K.MARKED_UNKNOWN: _to(_S.UNKNOWN, _S.SUBMITTED),
    _K.FOUND: _to(_S.OPEN, _S.UNKNOWN) | _stays(*_ENDS),
    _K.FILLED_LATE: {status: frozenset(_ENDS) for status in _ENDS},
    _K.REPRICED: _stays(*_ENDS),
}
"""Kind of event → status before it → statuses that it may lead to. What isn't here is forbidden."""

_KIND_OF_REPORT: Final = {
    _S.OPEN: _K.ACKNOWLEDGED,
    _S.PARTIALLY_FILLED: _K.PARTIALLY_FILLED,
    _S.FILLED: _K.FILLED,
    _S.CANCELLED: _K.CANCELLED,
    _S.REJECTED: _K.REJECTED,
    _S.EXPIRED: _K.EXPIRED,
}


def allows(status: OrderStatus, kind: OrderEventKind) -> bool:
    """Whether such an event may happen to an order of that status."""
    return status in TRANSITIONS[kind]


def apply(order: Order, event: OrderEvent) -> Order:
    """The order after the event.

    Raises
    ------
    TransitionForbidden
        If the table has no such transition, or fills would vanish.
    """
    if event.client_order_id != order.client_order_id:
        raise TransitionForbidden(f"an event of {event.client_order_id} can't happen to {order.client_order_id}")
    if event.status not in TRANSITIONS[event.kind].get(order.status, frozenset()):
        raise TransitionForbidden(
            f"order {order.client_order_id} is {order.status}: {event.kind} can't make it {event.status}"
        )
    if event.filled_quantity < order.filled_quantity:
        raise TransitionForbidden(f"order {order.client_order_id} has filled {order.filled_quantity} already")
    return replace(
        order,
        status=event.status,
        filled_quantity=event.filled_quantity,
        venue_order_id=event.venue_order_id or order.venue_order_id,
        submitted_at=event.at if event.kind is _K.SUBMITTED else order.submitted_at,
        cancel_requested_at=_cancel_requested_at(order, event),
    )


def _cancel_requested_at(order: Order, event: OrderEvent) -> datetime | None:
    if event.kind is _K.CANCEL_LAPSED:
        return None
    return event.at if event.kind is _K.CANCEL_REQUESTED else order.cancel_requested_at


def replay(order: Order, events: Iterable[OrderEvent]) -> Order:
    """The state that `events`, from the first on, leave `order` in; only what never changes is taken from it.

    Raises
    ------
    TransitionForbidden
        If they don't begin with the intent, or one of them couldn't have happened.
    """
    first, *rest = events
    if first.kind is not _K.INTENDED:
        raise TransitionForbidden(f"the first event of {order.client_order_id} is {first.kind}")
    state = intent_of(order)
    for event in rest:
        state = apply(state, event)
    return state


def intent_of(order: Order) -> Order:
    """The order as it was before anything happened to it."""
    return replace(
        order,
        status=_S.INTENDED,
        filled_quantity=Decimal(0),
        venue_order_id=None,
        submitted_at=None,
        cancel_requested_at=None,
        asked_at=None,
    )


def happened(
    order: Order,
    kind: OrderEventKind,
    at: datetime,
    reason: str,
    *,
    code: str | None = None,
    details: Mapping[str, str] | None = None,
) -> OrderEvent:
    """An event of ours: its status is the only one that the table leads to, or the order's own.

    An event that the table forbids keeps the order's status, and so is refused by `apply`.
    """
    [status] = TRANSITIONS[kind].get(order.status, frozenset({order.status}))
    return OrderEvent(
        order.client_order_id,
        kind,
        status,
        at,
        reason,
        code,
        order.filled_quantity,
        venue_order_id=order.venue_order_id,
        details=details or {},
    )


def reported(order: Order, report: OrderReport, booking: OrderBooking, at: datetime) -> Sequence[OrderEvent]:
    """The events that a venue's report amounts to; none if it tells nothing new."""
    venue_order_id = report.venue_order_id or order.venue_order_id
    told = OrderEvent(
        client_order_id=order.client_order_id,
        kind=_kind_of(order, booking),
        status=booking.status,
        at=at,
        reason=f"the venue reports {booking.filled_quantity} of {order.quantity} filled",
        filled_quantity=booking.filled_quantity,
        trade_ids=tuple(fill.venue_trade_id for fill in booking.fills),
        venue_order_id=venue_order_id,
    )
    if order.status is _S.UNKNOWN:
        found = replace(
            told, kind=_K.FOUND, status=_S.OPEN, reason="the venue has it", filled_quantity=order.filled_quantity
        )
        found = replace(found, trade_ids=())
        return (found,) if booking.status is _S.OPEN else (found, told)
    is_news = booking.fills or booking.status is not order.status or venue_order_id != order.venue_order_id
    return (told,) if is_news else ()


def _kind_of(order: Order, booking: OrderBooking) -> OrderEventKind:
    if order.status.is_final:
        return _K.FILLED_LATE if booking.fills else _K.FOUND
    return _KIND_OF_REPORT[booking.status]
