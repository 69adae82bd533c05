"""Triangles where strategies have spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from trading_platform.adapters.matplotlib_charts import figure as style
from trading_platform.adapters.matplotlib_charts.timeline import Array, Timeline
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.charts import SignalMark

_LABEL_ROOM_PX = 82
"""Labels nearer than this on the same side would run into each other: the later one is left out."""


@dataclass(frozen=True)
class _Look:
    triangle: str
    colour: str
    edge: str
    away: int
    vertical: str


_LOOKS = {
    Direction.LONG: _Look("▲", style.RISING, edge="low", away=-1, vertical="top"),
    Direction.SHORT: _Look("▼", style.FALLING, edge="high", away=1, vertical="bottom"),
}


def has_labels_above(timeline: Timeline, signals: Sequence[SignalMark]) -> bool:
    """Whether a label stands above its candle, which may be the highest."""
    return any(mark.direction is Direction.SHORT and timeline.row_of(mark.open_time) is not None for mark in signals)


def draw_signals(axes: Axes, timeline: Timeline, frame: pd.DataFrame, signals: Sequence[SignalMark]) -> None:
    """Long: a triangle below its candle, pointing up. Short: one above, pointing down."""
    for direction, look in _LOOKS.items():
        rows = [
            (row, mark.label)
            for mark in signals
            if mark.direction is direction and (row := timeline.row_of(mark.open_time)) is not None
        ]
        _draw_side(axes, timeline, frame[look.edge].to_numpy(), sorted(rows), look)


def _draw_side(axes: Axes, timeline: Timeline, edge: Array, rows: Sequence[tuple[int, str]], look: _Look) -> None:
    first, last = axes.get_xlim()
    label_room = _LABEL_ROOM_PX * (last - first) / axes.get_window_extent().width
    last_label = float("-inf")
    for row, label in rows:
        x = float(timeline.x[row])
        at = x, float(edge[row])
        _write(axes, look.triangle, at, 3, look, "center", size=9)
        if x - last_label >= label_room:
            last_label = x
            before = max([first, *(span.end for span in timeline.gaps if span.end <= x)])
            after = min([last, *(span.start for span in timeline.gaps if span.start >= x)])
            alignment = _alignment(x - before, after - x, label_room / 2)
            _write(axes, label, at, 14, look, alignment, size=style.SMALL_FONT_SIZE)


def _write(
    axes: Axes, text: str, at: tuple[float, float], distance: int, look: _Look, alignment: str, size: float
) -> None:
    style.write(
        axes,
        text,
        at,
        "data",
        (0, distance * look.away),
        ha=alignment,
        va=look.vertical,
        size=size,
        colour=look.colour,
        is_backed=text != look.triangle,
    )


def _alignment(room_before: float, room_after: float, half_width: float) -> str:
    """Keep labels of candles at the rim inside the chart, and off what is written on a gap."""
    if room_after < half_width:
        return "right"
    return "left" if room_before < half_width else "center"
