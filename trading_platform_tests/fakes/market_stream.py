"""A stream that says what a test tells it to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from trading_platform.domain.stream_event import StreamEvent


class FakeMarketStream:
    """Fills the role `MarketStream`; `steps` are the steps of recovery that were asked for, in their order."""

    def __init__(self, *, carries_candles: bool = True) -> None:
        self._queue: asyncio.Queue[StreamEvent] = asyncio.Queue()
        self.carries_candles = carries_candles
        self.steps: list[tuple[str, tuple[str, ...]]] = []
        self.is_closed = False

    def push(self, *events: StreamEvent) -> None:
        """Let these arrive."""
        for event in events:
            self._queue.put_nowait(event)

    async def events(self) -> AsyncIterator[StreamEvent]:
        """Everything that was pushed."""
        while True:
            yield await self._queue.get()

    async def resubscribe(self, symbols: Sequence[str]) -> None:
        """Remember it."""
        self.steps.append(("resubscribe", tuple(symbols)))

    async def new_socket(self, symbols: Sequence[str]) -> None:
        """Remember it."""
        self.steps.append(("new_socket", tuple(symbols)))

    async def new_client(self) -> None:
        """Remember it."""
        self.steps.append(("new_client", ()))

    async def close(self) -> None:
        """Remember it."""
        self.is_closed = True
