"""How the platform does: small panels side by side, a line per subject."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trading_platform.adapters.matplotlib_charts import figure as style
from trading_platform.adapters.matplotlib_charts.price_chart import Cell
from trading_platform.adapters.matplotlib_charts.timeline import round_times, time_labels
from trading_platform.domain.metric import MetricPoint
from trading_platform.ports.charts import MetricPanel

_MOST_LINES = len(style.AVERAGES)
_TIMES_ACROSS = 5


def draw(figure: Figure, cell: Cell, panel: MetricPanel, start: datetime, end: datetime) -> None:
    """A panel's lines from `start` to `end`; of many subjects those with the largest newest value."""
    area = (cell.left + 0.05 * cell.width, cell.bottom + 0.14 * cell.height, 0.83 * cell.width, 0.66 * cell.height)
    axes = figure.add_axes(area)
    axes.set_xlim(start.timestamp(), end.timestamp())
    lines = sorted(_by_subject(panel.points).items(), key=lambda item: -item[1][-1].value)
    for (_, points), colour in zip(lines[:_MOST_LINES], style.AVERAGES, strict=False):
        times = np.array([point.at.timestamp() for point in points])
        axes.plot(times, [point.value for point in points], color=colour, linewidth=1.0)
    _scale(axes, panel, start, end)
    subject, points = lines[0]
    of = f", the largest of {len(lines)}" if len(lines) > 1 else ""
    style.write_titles(axes, panel.title, f"{subject} {points[-1].value:,.4g}{of}".strip())


def _by_subject(points: Sequence[MetricPoint]) -> dict[str, list[MetricPoint]]:
    found: dict[str, list[MetricPoint]] = {}
    for point in points:
        found.setdefault(point.subject, []).append(point)
    return found


def _scale(axes: Axes, panel: MetricPanel, start: datetime, end: datetime) -> None:
    values = [point.value for point in panel.points]
    low, high = min(0.0, *values), max(0.0, *values)
    high += low == high  # nothing but zero: a line at the foot of a scale to one
    span = high - low
    axes.set_ylim(low - span * 0.05, high + span * 0.1)
    levels = style.round_values(axes, at_most=4)
    moments = round_times(start.timestamp(), end.timestamp(), _TIMES_ACROSS)
    style.draw_scales(axes, (moments.tolist(), time_labels(moments)), (levels, [f"{level:,.4g}" for level in levels]))
