"""What the server's parts share: the exchange, its guards, its clock and its stop signal."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trading_platform.simulator.auth import Authenticator
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.faults import FaultBook
from trading_platform.simulator.limits import LimitSettings, OrderLimiter, RequestLimiter
from trading_platform.simulator.model import Book


@dataclass(frozen=True)
class KeyPermissions:
    """What the accounts' API keys may do."""

    trade: bool = True
    withdraw: bool = False
    ip_restrict: bool = False


@dataclass
class ServerContext:
    """One running server's state, passed to every handler."""

    exchange: Exchange
    authenticator: Authenticator
    limits: LimitSettings
    requests: RequestLimiter
    orders: OrderLimiter
    faults: FaultBook = field(default_factory=FaultBook)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    key_permissions: KeyPermissions = field(default_factory=KeyPermissions)
    book_for_rest: Callable[[str, int], Book] = field(init=False)

    def __post_init__(self) -> None:
        self.book_for_rest = self.exchange.book

    @classmethod
    def of(cls, exchange: Exchange, limits: LimitSettings) -> ServerContext:
        """A context with fresh guards."""
        secrets = {account.api_key: account.api_secret for account in exchange.config.accounts}
        return cls(exchange, Authenticator(secrets), limits, RequestLimiter(limits), OrderLimiter(limits))

    def server_time_ms(self) -> int:
        """The exchange's wall clock in epoch ms, skewed if a fault says so."""
        return int(time.time() * 1_000) + self.faults.skew_ms()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than the server lives."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), timeout=seconds)
