"""The market's time.

``LiveClock`` is the wall clock. ``ReplayClock`` runs at a speed from a durable position and stands
still while the simulator is down. ``StepClock`` moves only when told.

A replay may never go back behind something that a client has seen. So the position is written
*ahead* of the time served: a lease of one wall second, renewed before it's exceeded. After a kill
the replay goes on from the end of the lease, at most that second later than what was served last;
resting orders are matched along the skipped stretch all the same. A clean end writes the exact
position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from trading_platform.simulator.model import ClockMode

_LEASE_SECONDS = 1.0


class MarketClock(Protocol):
    @property
    def mode(self) -> ClockMode: ...

    @property
    def speed(self) -> float:
        """Market seconds per wall second."""
        ...

    @property
    def starts_at_ms(self) -> int:
        """Where the market's time began, or begins in this process on a live market."""
        ...

    @property
    def ends_at_ms(self) -> int | None: ...

    def now_ms(self) -> int:
        """Market time; never goes back."""
        ...

    def close(self) -> None:
        """Write down where time stands."""
        ...


class LiveClock:
    """Market time is wall time."""

    mode = ClockMode.LIVE
    speed = 1.0
    ends_at_ms = None

    def __init__(self, wall_ms: Callable[[], int], starts_at_ms: int) -> None:
        self._wall_ms = wall_ms
        self._now = starts_at_ms
        self.starts_at_ms = starts_at_ms

    def now_ms(self) -> int:
        self._now = max(self._now, self._wall_ms())
        return self._now

    def close(self) -> None:
        """Wall time needs no writing down."""


class ReplayClock:
    """Market time runs ``speed`` times as fast as wall time and stops at the end.

    Parameters
    ----------
    starts_at_ms, ends_at_ms
        First and last market time; no end if ``None``.
    position_ms
        Where a former run left off; ``None`` at the first start.
    save_position
        Makes a position durable before it returns.
    """

    mode = ClockMode.REPLAY

    def __init__(
        self,
        wall_ms: Callable[[], int],
        speed: float,
        starts_at_ms: int,
        ends_at_ms: int | None,
        position_ms: int | None,
        save_position: Callable[[int], None],
    ) -> None:
        self.speed = speed
        self.starts_at_ms = starts_at_ms
        self.ends_at_ms = ends_at_ms
        self._wall_ms = wall_ms
        self._save_position = save_position
        self._anchor_ms = starts_at_ms if position_ms is None else position_ms
        self._anchor_wall_ms = wall_ms()
        self._now = self._anchor_ms
        self._leased = self._anchor_ms

    def now_ms(self) -> int:
        elapsed_ms = max(0, self._wall_ms() - self._anchor_wall_ms)
        now = max(self._now, self._anchor_ms + int(elapsed_ms * self.speed))
        if self.ends_at_ms is not None:
            now = min(now, self.ends_at_ms)
        if now > self._leased:
            self._lease(now)
        self._now = now
        return now

    def close(self) -> None:
        if self._leased != self._now:
            self._save_position(self._now)
            self._leased = self._now

    def _lease(self, now: int) -> None:
        leased = now + int(1000 * _LEASE_SECONDS * self.speed)
        if self.ends_at_ms is not None:
            leased = min(leased, self.ends_at_ms)
        self._save_position(leased)
        self._leased = leased


class StepClock:
    """Market time stands still but for `move_to`; whoever moves it makes the position durable.

    Parameters
    ----------
    position_ms
        Where a former run left off; ``None`` at the first start.
    """

    mode = ClockMode.STEP
    speed = 0.0

    def __init__(self, starts_at_ms: int, ends_at_ms: int | None, position_ms: int | None) -> None:
        self.starts_at_ms = starts_at_ms
        self.ends_at_ms = ends_at_ms
        self._now = starts_at_ms if position_ms is None else position_ms

    def now_ms(self) -> int:
        return self._now

    def is_at_end(self) -> bool:
        """Whether no step is left."""
        return self.ends_at_ms is not None and self._now >= self.ends_at_ms

    def move_to(self, position_ms: int) -> None:
        """Set the market's time."""
        self._now = position_ms

    def close(self) -> None:
        """The position is durable already."""
