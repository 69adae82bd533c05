"""Role: drawing charts for the owner's eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from trading_platform.domain.candle import Gap, Interval
from trading_platform.domain.metric import MetricPoint
from trading_platform.domain.order import Side
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import Transfer
from trading_platform.ports.ledger import EquityPoint


@dataclass(frozen=True)
class SignalMark:
    """A signal to be marked at the candle that it judged; the label is short, the strategy's name for instance."""

    open_time: datetime
    direction: Direction
    label: str


@dataclass(frozen=True)
class ChartPanel:
    """One symbol's part of a price chart.

    Parameters
    ----------
    frame
        Candles with their indicators, as `compute_indicators` returns them; the newest of them are drawn, with the
        moving averages, Bollinger bands and RSI that it holds. Where candles are missing, the chart says so.
    venue_gaps
        Gaps that the venue itself has: marked as such.
    """

    symbol: str
    interval: Interval
    frame: pd.DataFrame
    signals: Sequence[SignalMark] = ()
    venue_gaps: Sequence[Gap] = ()


@dataclass(frozen=True)
class FillMark:
    """A fill to be marked in an equity chart, on the venue's clock."""

    venue_time: datetime
    side: Side
    symbol: str


@dataclass(frozen=True)
class MetricPanel:
    """One measurement's part of a metric chart: a line per subject; at least one point, ascending by time."""

    title: str
    points: Sequence[MetricPoint]


class ChartPainter(Protocol):
    """Charts as PNG images, about 900 pixels wide."""

    def render_price_chart(self, panels: Sequence[ChartPanel], *, candles: int = 120) -> bytes:
        """Candlesticks, volume, indicators and signals of the newest `candles` of each panel.

        Raises
        ------
        ValueError
            If there is no panel.
        """
        ...

    def render_equity_chart(
        self,
        points: Sequence[EquityPoint],
        fills: Sequence[FillMark],
        quote: str,
        *,
        transfers: Sequence[Transfer] = (),
    ) -> bytes:
        """Worth of the account over time in the quote currency, with its fills and transfers marked.

        The change that is told is what trading made of it (`time_weighted_return`). Of the transfers those within the
        time of the points count.
        """
        ...

    def render_metric_chart(self, panels: Sequence[MetricPanel], start: datetime, end: datetime) -> bytes:
        """How the platform did from `start` to `end` on the wall clock, two panels side by side.

        Raises
        ------
        ValueError
            If there is no panel.
        """
        ...
