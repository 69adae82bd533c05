"""What was read of a series' holes, for as long as it is certain enough to tell still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trading_platform.adapters.candle_window import CandleWindow
from trading_platform.domain.candle import Gap, Interval

LIFETIME_SECONDS = 60.0
"""Holes between older candles, which another process may fill or leave, are noticed so much later at most."""


@dataclass(frozen=True)
class KnownHoles:
    """Holes of a series that reach beyond `start`, as they were read.

    Parameters
    ----------
    through
        The newest candle of the series by then, or an older one.
    read_at
        On the owner's clock.
    """

    start: datetime
    through: datetime
    read_at: float
    gaps: Sequence[Gap]

    def since(self, start: datetime, interval: Interval, now: float, window: CandleWindow) -> list[Gap] | None:
        """Those that reach beyond another start; None if they have to be read again.

        A hole among the newest candles is seen in their window at once: it reads them anew.
        """
        if start < self.start or now - self.read_at >= LIFETIME_SECONDS:
            return None
        if not window.is_unbroken(self.through, interval):
            return None
        return [gap for gap in self.gaps if interval.close_of(gap.last_missing) > start]
