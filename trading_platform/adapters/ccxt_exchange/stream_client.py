"""The streaming ccxt exchange that all sockets of a stream share, and how long they wait before they dial."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.exact_stream import close_exchange, exact_stream_exchange
from trading_platform.adapters.ccxt_exchange.failures import LONGEST_SILENCE_SECONDS
from trading_platform.domain.errors import PlatformError

_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 5.0
_STABLE_SECONDS = 30.0


class StreamClient:
    """Made once per event loop, and anew when recovery asks for it.

    Parameters
    ----------
    symbols
        All symbols of the stream.
    rest
        Reads the markets, by REST: within the budget that all processes share, and never while the exchange wants
        silence.
    """

    def __init__(self, rest: CcxtClient, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        self._rest, self._access = rest, rest.access
        self._lock = asyncio.Lock()
        self._exchange = self._make()
        self._silent_until = 0.0

    @property
    def features(self) -> dict[str, Any]:
        """What ccxt says that the exchange offers."""
        return dict(self._exchange.has)

    @property
    def current(self) -> Any:
        """The exchange as it is, with or without its markets."""
        return self._exchange

    async def exchange(self) -> Any:
        """The exchange, with its markets.

        Raises
        ------
        ConnectionError
            They can't be read now, and none are known.
        """
        async with self._lock:
            try:
                source = await asyncio.to_thread(self._rest.informed_exchange)
            except PlatformError as trouble:
                if not self._exchange.markets:
                    raise ConnectionError(str(trouble)) from None
            else:
                if self._exchange.markets is not source.markets:
                    self._exchange.set_markets_from_exchange(source)
                if "timeDifference" in source.options:  # what is signed carries the exchange's time
                    self._exchange.options["timeDifference"] = source.options["timeDifference"]
            return self._exchange

    async def renew(self) -> None:
        """Close it and make another one."""
        old, self._exchange = self._exchange, self._make()
        if old.markets:
            self._exchange.set_markets_from_exchange(old)
        await close_exchange(old)

    async def close(self) -> None:
        """End it."""
        await close_exchange(self._exchange)

    def note_retry_after(self, seconds: float | None) -> None:
        """A handshake was refused with a request for silence: nobody dials until it is over, new clients included."""
        if seconds is not None:
            seconds = min(seconds, LONGEST_SILENCE_SECONDS)
            self._silent_until = max(self._silent_until, time.monotonic() + seconds)

    def silence_left_seconds(self) -> float:
        """For how long the exchange still wants nobody to dial; negative if it doesn't mind."""
        return self._silent_until - time.monotonic()

    def _make(self) -> Any:
        access = self._access
        return exact_stream_exchange(access.exchange_id, access.config(), access.base_url)


class Redial:
    """How long to wait until a connection is made again: doubled while connections are short-lived."""

    def __init__(self, client: StreamClient) -> None:
        self._client = client
        self._short_lives = 0
        self._dialled_at = 0.0

    def dialled(self) -> None:
        """A connection is being made now."""
        self._dialled_at = time.monotonic()

    async def pause(self) -> None:
        """It has ended: wait. The waits are spread, since what was cut off together needn't come back together."""
        lasted_seconds = time.monotonic() - self._dialled_at
        self._short_lives = 0 if lasted_seconds > _STABLE_SECONDS else self._short_lives + 1
        wait = min(_FIRST_WAIT_SECONDS * 2 ** min(self._short_lives, 10), _LONGEST_WAIT_SECONDS)
        await asyncio.sleep(max(wait * random.uniform(0.5, 1.0), self._client.silence_left_seconds()))
