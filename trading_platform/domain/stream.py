"""States of a market data stream, per symbol: connected is not the same as alive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CLOCK_SET_BACK = timedelta(minutes=1)
"""No word of a process comes that much too late: what is older than the known one by more was written after the clock
had been set back."""


class StreamState(StrEnum):
    """What is known of one symbol's stream.

    ::

        CONNECTING ──first data──▶ LIVE ──silence──▶ STALE ──REST serves it──▶ FALLBACK
             │  ▲                  │ ▲                 │                          │
             │  └──connection lost─┘ └──data again─────┴──────────────────────────┘
             └──no data for too long──▶ STALE
        any ──the stream is ended on purpose──▶ CLOSED

    A stream that is being recovered stays STALE, or FALLBACK, until data of that symbol has arrived.
    """

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    FALLBACK = "fallback"
    CLOSED = "closed"


@dataclass(frozen=True)
class StreamStatus:
    """One symbol's stream as last written down; all times are of the wall clock.

    Parameters
    ----------
    reason
        Why it is in that state, in plain words.
    since
        When it came into that state.
    last_event_at
        When data of that symbol last arrived (pongs and acknowledgements are no data); None before the first.
    heartbeat_at
        When the stream process last wrote: a state whose heartbeat is old says nothing.
    duplicates, out_of_order, malformed, reconnects, trades
        Counted since the stream process was started.
    last_trade_at
        When the newest trade was heard: a thin symbol's prices may well flow without any.
    """

    symbol: str
    state: StreamState
    reason: str
    since: datetime
    last_event_at: datetime | None
    heartbeat_at: datetime
    duplicates: int = 0
    out_of_order: int = 0
    malformed: int = 0
    reconnects: int = 0
    trades: int = 0
    last_trade_at: datetime | None = None

    def reports(self, wall: datetime, limit_seconds: float) -> bool:
        """Whether the stream process still writes; a word from the future, before the clock was set back, is old."""
        return abs((wall - self.heartbeat_at).total_seconds()) <= limit_seconds

    def is_live(self, wall: datetime, limit_seconds: float) -> bool:
        """Whether data flows, by a word that is young enough."""
        return self.state is StreamState.LIVE and self.reports(wall, limit_seconds)


@dataclass(frozen=True)
class StreamChange:
    """One symbol's stream went from a state (None at the very beginning) to another."""

    symbol: str
    before: StreamState | None
    after: StreamState
    reason: str
    at: datetime
