"""News that a test tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from trading_platform.ports.order_news import OrderNews


class FakeOrderNews:
    """Fills the role `OrderNewsStream`."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[OrderNews] = asyncio.Queue()
        self.is_closed = False
        self.connect()

    def connect(self) -> None:
        """A connection begins."""
        self.tell(None)

    def tell(self, client_order_id: str | None) -> None:
        """Let this arrive."""
        self._queue.put_nowait(OrderNews(client_order_id))

    async def events(self) -> AsyncIterator[OrderNews]:
        """Everything that was told."""
        while True:
            yield await self._queue.get()

    async def close(self) -> None:
        """Remember it."""
        self.is_closed = True
