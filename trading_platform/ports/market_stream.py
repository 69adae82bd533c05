"""Role: market data as the venue pushes it, without being asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from trading_platform.domain.stream_event import StreamEvent


class MarketStream(Protocol):
    """Prices, trades and candles of its symbols.

    It connects by itself, and again whenever it notices that a connection is gone. What it can't notice is silence:
    whoever listens watches for that, and asks for the steps of recovery.
    """

    @property
    def carries_candles(self) -> bool:
        """Whether candles come at all; where they don't, REST alone brings them."""
        ...

    def events(self) -> AsyncIterator[StreamEvent]:
        """Everything that arrives, in the order of arrival; never ends by itself and never raises for the venue's sake.

        The queue is bounded: what a listener is too slow for is lost, and left to REST.
        """
        ...

    async def resubscribe(self, symbols: Sequence[str]) -> None:
        """Ask for these symbols again on the connection they have."""
        ...

    async def new_socket(self, symbols: Sequence[str]) -> None:
        """Give these symbols a new connection; others keep theirs where the venue's protocol allows it."""
        ...

    async def new_client(self) -> None:
        """Begin anew with everything."""
        ...

    async def close(self) -> None:
        """End it, within two seconds."""
        ...
