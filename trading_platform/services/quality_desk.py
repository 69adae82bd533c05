"""What the checks of market data share: ports, settings, and what a process remembers from one look to the next."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime

from trading_platform.domain.quality import Difference
from trading_platform.domain.stream import StreamStatus
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import SeriesStore
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform.settings import Settings

Series = tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """What comparing a series' streamed candles with REST showed; no candles: none had come by stream."""

    candles: int
    differences: tuple[Difference, ...]
    compared_at: datetime


@dataclass(frozen=True)
class QualityDesk:
    """The place of work of one process.

    Parameters
    ----------
    streams
        None: market data comes by REST alone.
    readings
        Per symbol, the stream's statuses of the last minutes: its counters only tell what was ever counted.
    comparisons
        Per series, the newest comparison. A new process compares anew; what it mends is kept in the store.
    comparisons_tried
        Per series, when the newest one was begun, whether or not there was an answer.
    """

    store: SeriesStore
    journal: HealthJournal
    feed: MarketFeed
    clock: Clock
    settings: Settings
    streams: StreamJournal | None = None
    readings: defaultdict[str, deque[StreamStatus]] = field(default_factory=lambda: defaultdict(deque))
    comparisons: dict[Series, Comparison] = field(default_factory=dict)
    comparisons_tried: dict[Series, datetime] = field(default_factory=dict)
