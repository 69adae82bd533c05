"""REST in the place of a stream that has just gone, without waiting for the next refresh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from trading_platform.domain.errors import FixSettings, RetryLater, WaitUntilAllowed

GRACE_SECONDS = 1.0
"""A connection that was only dropped is often back sooner; and what was noticed has been recorded by then."""

RETRY_SECONDS = 5.0

log = structlog.get_logger()


class StreamRelief:
    """Has REST serve what the streams don't, once each time that one of them goes, and again until it has answered.

    Refreshes serve it too, at each of their ticks; but a refresh may have just begun when a stream goes, and takes its
    time to start: prices are to be fresh within one cadence of the moment when the silence was noticed.

    Parameters
    ----------
    serve
        Asks REST for what isn't fresh, and keeps it; raises RetryLater. It blocks, and is called from a thread.
    is_needed
        Whether a stream is still gone.
    """

    def __init__(self, serve: Callable[[], object], is_needed: Callable[[], bool]) -> None:
        self._serve = serve
        self._is_needed = is_needed
        self._called = asyncio.Event()

    def call(self) -> None:
        """A stream has gone."""
        self._called.set()

    async def run(self) -> None:
        """Serve whenever called, until cancelled."""
        while True:
            await self._called.wait()
            self._called.clear()
            await asyncio.sleep(GRACE_SECONDS)
            while self._is_needed():
                try:
                    await asyncio.to_thread(self._serve)
                except (RetryLater, FixSettings) as trouble:
                    log.warning("stream_not_relieved", why=str(trouble))
                    asked_for = trouble.retry_after_seconds if isinstance(trouble, WaitUntilAllowed) else 0.0
                    await asyncio.sleep(min(max(asked_for, GRACE_SECONDS), RETRY_SECONDS))
                else:
                    break
