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


@dataclass(frozen=True)
class OrderRequest:
    """A market order as it is sent.

    Parameters
    ----------
    quantity
        In base, on the lot grid.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal


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

    @property
    def request(self) -> OrderRequest:
        """The request that this order stands for."""
        return OrderRequest(self.client_order_id, self.symbol, self.side, self.quantity)
