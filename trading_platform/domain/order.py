"""Orders: what is asked of the venue, what the venue reports, and the states in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"


class OrderStatus(StrEnum):
    """Where an order stands. An order that isn't final keeps its reservation (I4)."""

    INTENDED = "intended"  # committed with its reservation, perhaps not sent
    SUBMITTED = "submitted"  # about to be sent, or sent: the answer is outstanding
    UNKNOWN = "unknown"  # sent, and the answer was lost
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in _FINAL


_FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class OrderKind(StrEnum):
    """What an order waits for, in the forms that a spot venue offers."""

    MARKET = "market"  # nothing: it takes what the book has
    LIMIT = "limit"  # its limit price or better
    STOP_LOSS = "stop_loss"  # its stop price, then sells at market, or at its limit price if it has one
    TAKE_PROFIT = "take_profit"  # its limit price, as a maker; with a stop price, that one first

    @property
    def is_protective(self) -> bool:
        """Whether it guards a position that is held, and so rests at the venue until it is hit."""
        return self in (OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT)


@dataclass(frozen=True)
class OrderRequest:
    """An order as it is sent.

    Parameters
    ----------
    quantity
        In base, on the lot grid.
    limit_price, stop_price
        In quote, on the tick grid; None where the kind has none.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    kind: OrderKind = OrderKind.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


@dataclass(frozen=True)
class OrderListRequest:
    """A stop and a target over the same base (OCO): what happens to one ends the other.

    Parameters
    ----------
    list_id
        The list's own client id.
    """

    list_id: str
    stop: OrderRequest
    target: OrderRequest


@dataclass(frozen=True)
class Fill:
    """One trade of an order, as the venue reports it; the fee in whatever asset the venue took it."""

    venue_trade_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    time: datetime

    @property
    def quote_amount(self) -> Decimal:
        """Price times quantity."""
        return self.price * self.quantity


@dataclass(frozen=True)
class OrderReport:
    """What the venue says of an order, with all of its fills so far."""

    client_order_id: str
    symbol: str
    venue_order_id: str
    status: OrderStatus
    filled_quantity: Decimal
    fills: tuple[Fill, ...]


@dataclass(frozen=True)
class Order:
    """An order as the ledger knows it.

    Parameters
    ----------
    created_at, submitted_at
        Wall clock. `submitted_at` is committed before the request leaves; None for an intent.
    list_id
        Client id of the order list it belongs to (one cancels the other); None for an order of its own.
    expires_at
        Venue's clock: when it is cancelled if it hasn't filled; None for one that may rest.
    cancel_requested_at
        Wall clock, committed before the cancel leaves.
    asked_at
        Wall clock of the venue's last answer about it while it rested.
    """

    client_order_id: str
    account: str
    signal_id: str
    leg: str
    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    status: OrderStatus
    filled_quantity: Decimal
    reserved_asset: str
    reserved_amount: Decimal
    created_at: datetime
    submitted_at: datetime | None
    venue_order_id: str | None = None
    kind: OrderKind = OrderKind.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    list_id: str | None = None
    expires_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    asked_at: datetime | None = None

    @property
    def rests(self) -> bool:
        """Whether it waits at the venue for a price, so that its end may be far away."""
        return self.kind is not OrderKind.MARKET and self.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)

    @property
    def is_on_guard(self) -> bool:
        """Whether it guards a position from the venue's book, untouched: it may stay so for days."""
        return self.kind.is_protective and self.status is OrderStatus.OPEN and self.cancel_requested_at is None

    @property
    def is_resting_stop(self) -> bool:
        """Whether it is the stop of a position that has one."""
        return self.is_on_guard and self.stop_price is not None

    @property
    def lies_still(self) -> bool:
        """Whether it rests, on guard or as an entry at its limit, and the ledger has booked all that it knows of it.

        The venue has locked no more for it than the ledger has reserved, so balances can be compared beside it.
        """
        at_limit = self.kind is OrderKind.LIMIT and self.rests and self.cancel_requested_at is None
        return at_limit or self.is_on_guard

    @property
    def request(self) -> OrderRequest:
        """The request that this order stands for."""
        return OrderRequest(
            self.client_order_id,
            self.symbol,
            self.side,
            self.quantity,
            self.kind,
            self.limit_price,
            self.stop_price,
        )
