"""The budget of one process alone: for a venue nobody else asks, and while the shared one can't be reached."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.request_limits import Charge, RequestLimit, longest_wait
from trading_platform.ports.request_budget import RequestBudget

PROCESSES = 8
"""How many may have to live on their own at once: each then keeps to its part of every limit."""

_SECONDS_BEFORE_ASKING_AGAIN = 5.0

log = structlog.get_logger()


class LocalRequestBudget:
    """Fills the role `RequestBudget` within one process; never fails.

    Parameters
    ----------
    monotonic_seconds
        What the buckets leak by.
    part
        Of every limit that this process keeps to.
    """

    def __init__(self, monotonic_seconds: Callable[[], float] = time.monotonic, part: float = 1.0) -> None:
        self._now = monotonic_seconds
        self._part = part
        self._lock = threading.Lock()
        self._levels: dict[tuple[str, str], tuple[float, float]] = {}
        self._silent_until: dict[str, float] = {}

    def take(self, venue: str, charges: Sequence[Charge], share: float) -> float:
        """Take all charges, or none of them."""
        with self._lock:
            now = self._now()
            silence = self._silent_until.get(venue, now) - now
            if silence > 0:
                return silence
            mine = [replace(charge, limit=self._own_part(charge)) for charge in charges]
            levels = [self._level(venue, charge, now) for charge in mine]
            wait = longest_wait(levels, mine, share)
            if wait == 0:
                for level, charge in zip(levels, mine, strict=True):
                    self._levels[venue, charge.limit.name] = (level + charge.cost, now)
            return wait

    def silence(self, venue: str, seconds: float) -> None:
        """Let nobody in this process take anything for so long."""
        with self._lock:
            until = self._now() + seconds
            self._silent_until[venue] = max(until, self._silent_until.get(venue, until))

    def _own_part(self, charge: Charge) -> RequestLimit:
        limit = charge.limit
        return replace(limit, burst=limit.burst * self._part, per_second=limit.per_second * self._part)

    def _level(self, venue: str, charge: Charge, now: float) -> float:
        level, at = self._levels.get((venue, charge.limit.name), (0.0, now))
        return max(charge.limit.level_after(level, now - at), min(charge.at_least, charge.limit.burst))


class FailSafeRequestBudget:
    """The shared budget; while it can't be reached, a part of every limit that is safe however many others do so."""

    def __init__(self, shared: RequestBudget, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._now = monotonic_seconds
        self._own = LocalRequestBudget(monotonic_seconds, 1 / PROCESSES)
        self._alone_until = 0.0

    def take(self, venue: str, charges: Sequence[Charge], share: float) -> float:
        """Take all charges, or none of them; never fails."""
        if self._now() >= self._alone_until:
            try:
                return self._shared.take(venue, charges, share)
            except RetryLater as trouble:
                self._go_alone(trouble)
        return self._own.take(venue, charges, share)

    def silence(self, venue: str, seconds: float) -> None:
        """Let nobody take anything for so long; this process obeys even if the others can't be told."""
        self._own.silence(venue, seconds)
        try:
            self._shared.silence(venue, seconds)
        except RetryLater as trouble:
            self._go_alone(trouble)

    def _go_alone(self, trouble: RetryLater) -> None:
        log.warning("request_budget_not_shared", why=str(trouble))
        self._alone_until = self._now() + _SECONDS_BEFORE_ASKING_AGAIN
