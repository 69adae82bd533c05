"""Replay by steps: one closed candle per completed cycle, through the same services as live (I10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading_platform.ports.clock import Clock
from trading_platform.ports.replay import Replay


@dataclass(frozen=True)
class Stepped:
    """How far a batch of steps came."""

    steps: int
    position: datetime
    finished: bool


def step_replay(replay: Replay, clock: Clock, cycle: Callable[[], None], *, budget_seconds: float) -> Stepped:
    """Alternate cycles and steps until the time is up or the recording ends.

    The cycle comes first: after a crash in the middle of one, it is completed before the market moves on. A cycle that
    is repeated finds everything done.

    Raises
    ------
    RetryLater
        From the cycle or the replay; the market then hasn't moved past an incomplete cycle.
    """
    until = clock.wall() + timedelta(seconds=budget_seconds)
    position, steps = replay.position(), 0
    cycle()
    while not position.finished and clock.wall() < until:
        position = replay.step(position.now)
        steps += 1
        cycle()
    return Stepped(steps, position.now, position.finished)
