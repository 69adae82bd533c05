"""The chart painter: lays out figures and lets the chart modules fill them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trading_platform.adapters.matplotlib_charts import equity_chart, metric_chart, price_chart
from trading_platform.adapters.matplotlib_charts.figure import new_figure, to_png
from trading_platform.domain.transfer import Transfer
from trading_platform.ports.charts import ChartPanel, FillMark, MetricPanel
from trading_platform.ports.ledger import EquityPoint

_PANELS_IN_ONE_COLUMN = 3
_PANEL_HEIGHT_PX = 270
_EQUITY_HEIGHT_PX = 300
_METRIC_HEIGHT_PX = 150
_METRIC_COLUMNS = 2


class MatplotlibChartPainter:
    """Fills the role `ChartPainter`. Holds no state, so that threads may share it."""

    def render_price_chart(self, panels: Sequence[ChartPanel], *, candles: int = 120) -> bytes:
        """One panel under the other; two columns when there are more than three."""
        if not panels:
            raise ValueError("a price chart needs at least one panel")
        columns = 1 if len(panels) <= _PANELS_IN_ONE_COLUMN else 2
        rows = -(-len(panels) // columns)
        figure = new_figure(_PANEL_HEIGHT_PX * rows)
        for panel, cell in zip(panels, _cells(rows, columns), strict=False):
            price_chart.draw(figure, cell, panel, candles)
        return to_png(figure)

    def render_equity_chart(
        self,
        points: Sequence[EquityPoint],
        fills: Sequence[FillMark],
        quote: str,
        *,
        transfers: Sequence[Transfer] = (),
    ) -> bytes:
        """A line of the equity, a triangle for each fill and an upright line for each transfer."""
        figure = new_figure(_EQUITY_HEIGHT_PX)
        equity_chart.draw(figure, points, fills, transfers, quote)
        return to_png(figure)

    def render_metric_chart(self, panels: Sequence[MetricPanel], start: datetime, end: datetime) -> bytes:
        """Small panels in two columns."""
        if not panels:
            raise ValueError("a metric chart needs at least one panel")
        rows = -(-len(panels) // _METRIC_COLUMNS)
        figure = new_figure(_METRIC_HEIGHT_PX * rows)
        for panel, cell in zip(panels, _cells(rows, _METRIC_COLUMNS), strict=False):
            metric_chart.draw(figure, cell, panel, start, end)
        return to_png(figure)


def _cells(rows: int, columns: int) -> list[price_chart.Cell]:
    """Areas of the panels as fractions of the figure, row by row from the top."""
    width, height = 1.0 / columns, 1.0 / rows
    return [
        price_chart.Cell(column * width, 1.0 - (row + 1) * height, width, height)
        for row in range(rows)
        for column in range(columns)
    ]
