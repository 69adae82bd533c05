"""Role: placing orders and telling what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from trading_platform.domain.arming import KeyPermissions
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, OrderListRequest, OrderReport, OrderRequest, Side
from trading_platform.domain.transfer import VenueTransfer


@dataclass(frozen=True)
class VenueBalance:
    """What the venue holds for us in one asset."""

    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free and locked."""
        return self.free + self.locked


@dataclass(frozen=True)
class OpenOrder:
    """An order that lies open at the venue, whoever placed it."""

    client_order_id: str
    symbol: str
    side: Side
    filled_quantity: Decimal


class Broker(Protocol):
    """A spot account at a venue.

    Every method raises RetryLater (WaitUntilAllowed with the venue's own delay) when the request certainly had no
    effect.
    """

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """The venue's rules per symbol (cached with an explicit lifetime).

        Raises
        ------
        FixSettings
            If the venue doesn't trade one of the symbols.
        """
        ...

    def is_trading(self, symbol: str) -> bool:
        """Whether the venue takes orders of the symbol at this moment, asked anew each time.

        Raises
        ------
        FixSettings
            If the venue doesn't trade the symbol at all.
        """
        ...

    def balances(self) -> Mapping[str, VenueBalance]:
        """Balances per asset; assets with nothing may be left out."""
        ...

    def transfers(self) -> Sequence[VenueTransfer] | None:
        """Deposits that were credited and withdrawals that left, as far back as the venue tells; None if it tells none.

        A withdrawal counts from the moment at which the venue has taken it off the balance.
        """
        ...

    def trades(self, symbol: str, since: datetime) -> Sequence[tuple[Side, Fill]]:
        """The account's own trades from `since` on (venue clock), whatever order made them, oldest first."""
        ...

    def key_permissions(self) -> KeyPermissions:
        """What the API key may do."""
        ...

    def submit(self, request: OrderRequest) -> OrderReport:
        """Send an order, once: never repeated here. A report of one that rests has no fills, or some.

        Raises
        ------
        OrderRejected
            The venue certainly refused it; MarketClosed if it takes no orders of the symbol now.
        AskTheVenue
            Anything else that went wrong after the request left: the order may exist (I4).
        """
        ...

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        """The order with all of its fills.

        Raises
        ------
        OrderNotKnown
            The venue answered that it has no such order.
        """
        ...

    def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel what is left of the order and report it.

        Raises
        ------
        OrderNotKnown
            The venue has no such open order.
        AskTheVenue
            The answer was lost.
        """
        ...

    def submit_list(self, request: OrderListRequest) -> Sequence[OrderReport]:
        """Send a stop and its target as one list, once: the venue takes both or neither.

        Raises
        ------
        OrderRejected, AskTheVenue
            As for a single order; what is unknown is asked for by the orders' own ids.
        """
        ...

    def cancel_list(self, symbol: str, list_id: str, client_order_ids: Sequence[str]) -> Sequence[OrderReport]:
        """Cancel what is left of a list and report its orders.

        Raises
        ------
        OrderNotKnown
            The venue has no such open list.
        AskTheVenue
            The answer was lost.
        """
        ...

    def open_orders(self, symbols: Sequence[str]) -> Sequence[OpenOrder]:
        """All orders that lie open in these symbols, whoever placed them; none in one that the venue doesn't list."""
        ...
