"""The orders of one signal's leg, one after the other: whether another may follow the last, and which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from trading_platform.domain.order import Order, OrderKind, OrderStatus
from trading_platform.domain.risk import ReasonCode

NOT_PLACED: Final = "not_placed"
"""Code of an order whose request certainly had no effect: never sent, or answered by 429, 418 or -1003."""
KEY_REFUSED: Final = "key_refused"
"""Code of an order that the venue refused for its API key or signature."""
MARKET_CLOSED: Final = "market_closed"
"""Code of a stop that the venue didn't take because nothing was traded just then."""
STOPPED: Final = frozenset({ReasonCode.HALTED, ReasonCode.NOT_ARMED})
"""Codes of an entry that a halt, or the end of the arming, overtook between its reservation and its sending."""

HARMLESS_TO_REPEAT: Final = frozenset({NOT_PLACED, KEY_REFUSED, "-1021"})
"""Refusals that say nothing about the order itself, and after which there certainly is none."""

LONGEST_WAIT_SECONDS: Final = 60


class NextStep(StrEnum):
    """What follows the orders that there are."""

    FIRST = "first"  # there are none
    WAIT = "wait"  # one is still under way, or the last was refused a moment ago
    REPEAT = "repeat"  # as if there had been none: certainly nothing was placed
    REPRICE = "reprice"  # the rest, as a limit order at a new price
    CROSS = "cross"  # the rest, at market
    DONE = "done"
    GIVE_UP = "give_up"


@dataclass(frozen=True)
class LimitRules:
    """Bounds of a limit entry's patience."""

    most_reprices: int
    crosses_at_last: bool


def next_step(legs: Sequence[Order], last_code: str | None, rules: LimitRules, wall: datetime) -> NextStep:
    """What follows `legs`, first to last, of which the last ended with `last_code`.

    A market order's rest is left: the venue had no more to give. A limit order that we cancelled at its time limit is
    followed by the next, so many times, and then by a market order or by nothing.
    """
    if not legs:
        return NextStep.FIRST
    last = legs[-1]
    if not last.status.is_final:
        return NextStep.WAIT
    if last.status is OrderStatus.REJECTED and last_code in HARMLESS_TO_REPEAT:
        return NextStep.WAIT if wall < last.created_at + wait_after(len(legs)) else NextStep.REPEAT
    if last.status is OrderStatus.REJECTED:
        return NextStep.GIVE_UP
    if last.status is OrderStatus.FILLED or last.kind is not OrderKind.LIMIT:
        return NextStep.DONE if filled_quantity(legs) else NextStep.GIVE_UP
    if last.venue_order_id is None:
        return NextStep.GIVE_UP  # it never arrived: too late to begin again
    if last.cancel_requested_at is None:  # ended by the owner's own hand, or by the venue: not to be done over
        return NextStep.DONE if filled_quantity(legs) else NextStep.GIVE_UP
    rested = sum(leg.kind is OrderKind.LIMIT and leg.venue_order_id is not None for leg in legs)
    if rested <= rules.most_reprices:
        return NextStep.REPRICE
    return NextStep.CROSS if rules.crosses_at_last else NextStep.GIVE_UP


def filled_quantity(legs: Sequence[Order]) -> Decimal:
    """What all of them have filled."""
    return sum((leg.filled_quantity for leg in legs), Decimal(0))


def wait_after(tried: int) -> timedelta:
    """How long to wait after so many orders that failed: twice as long each time, from one second on."""
    doublings = min(tried - 1, LONGEST_WAIT_SECONDS.bit_length())  # keeps the power small
    return timedelta(seconds=min(2**doublings, LONGEST_WAIT_SECONDS))
