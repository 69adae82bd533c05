"""What can be written to a series store, as values: so that a write can wait and be made later as it was meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricPoint


@dataclass(frozen=True)
class CandleBatch:
    """Candles of one series; of several with the same open time the last one counts."""

    symbol: str
    interval: Interval
    candles: tuple[Candle, ...]
    source: str
    received_at: datetime

    @property
    def points(self) -> int:
        """How much it is."""
        return len(self.candles)

    def newest_of_each(self) -> dict[datetime, Candle]:
        """By open time, ascending."""
        by_time = {candle.open_time: candle for candle in self.candles}
        return {open_time: by_time[open_time] for open_time in sorted(by_time)}


@dataclass(frozen=True)
class GapRecord:
    """That the venue lacks `gaps`, and nothing else, of start <= open_time < end."""

    symbol: str
    interval: Interval
    gaps: tuple[Gap, ...]
    start: datetime
    end: datetime
    confirmed_at: datetime

    @property
    def points(self) -> int:
        """How much it is."""
        return 1 + len(self.gaps)


@dataclass(frozen=True)
class IndicatorRows:
    """Indicator values of one series."""

    symbol: str
    interval: Interval
    rows: Mapping[datetime, Mapping[str, float]]

    @property
    def points(self) -> int:
        """How much it is."""
        return len(self.rows)


@dataclass(frozen=True)
class TickerBatch:
    """Prices, of one symbol or several."""

    tickers: tuple[Ticker, ...]

    @property
    def points(self) -> int:
        """How much it is."""
        return len(self.tickers)


@dataclass(frozen=True)
class MetricBatch:
    """Measurements of the platform's own."""

    metrics: tuple[MetricPoint, ...]

    @property
    def points(self) -> int:
        """How much it is."""
        return len(self.metrics)


SeriesWrite = CandleBatch | GapRecord | IndicatorRows
PassingWrite = TickerBatch | MetricBatch
"""Of all series at once; where room is short it goes first, for the next one comes within seconds."""
StoreWrite = SeriesWrite | PassingWrite
