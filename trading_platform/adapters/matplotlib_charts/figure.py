"""Figures of the house: their size, their colours, and their way into a small PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

WIDTH_PX = 900
_DPI = 100
_COLOURS_IN_PNG = 64

INK = "#24292f"
FAINT_INK = "#6e7781"
GRID = "#eaeef2"
RISING = "#1a7f5a"
FALLING = "#cf3f35"
VOLUME = "#c9d1d9"
BAND = "#8fb3e8"
AVERAGES = ("#d9822b", "#2f6fd0", "#8250df", "#6e7781")
OSCILLATOR = "#8250df"
GAP = "#fff1c2"
GAP_INK = "#8a6100"
VENUE_GAP = "#e4e7ec"
VENUE_GAP_INK = "#57606a"
FONT_SIZE = 8
SMALL_FONT_SIZE = 7


def new_figure(height_px: int) -> Figure:
    """An empty figure of the usual width."""
    figure = Figure(figsize=(WIDTH_PX / _DPI, height_px / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def draw_scales(
    axes: Axes, times: tuple[Sequence[float], Sequence[str]], values: tuple[Sequence[float], Sequence[str]]
) -> None:
    """Grid with times below and values on the right, where the newest candle is.

    Each scale is (positions, labels). Matplotlib's own axis costs five artists per tick, which would be half
    of the drawing time.
    """
    axes.set_axis_off()
    across, up = axes.get_yaxis_transform(), axes.get_xaxis_transform()
    (x_positions, x_labels), (y_positions, y_labels) = times, values
    axes.vlines(x_positions, 0, 1, transform=up, color=GRID, linewidth=0.8, zorder=0)
    axes.hlines(y_positions, 0, 1, transform=across, color=GRID, linewidth=0.8, zorder=0)
    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, edgecolor=GRID, zorder=0))
    for position, label in zip(x_positions, x_labels, strict=False):
        write(axes, label, (position, 0), up, (0, -4), ha="center", va="top")
    for position, label in zip(y_positions, y_labels, strict=False):
        write(axes, label, (1, position), across, (4, 0), ha="left", va="center")


def write(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    coordinates: Any,
    offset_points: tuple[float, float],
    *,
    ha: str,
    va: str,
    size: float = FONT_SIZE,
    colour: str = FAINT_INK,
    weight: str = "normal",
    is_backed: bool = False,
    rotation: int = 0,
) -> None:
    """Write at some points' distance from a place; `is_backed` dims what is drawn below the text."""
    backing = {"facecolor": "white", "alpha": 0.65, "linewidth": 0, "pad": 0.5} if is_backed else None
    axes.annotate(
        text,
        at,
        xycoords=coordinates,
        xytext=offset_points,
        textcoords="offset points",
        ha=ha,
        va=va,
        fontsize=size,
        color=colour,
        fontweight=weight,
        bbox=backing,
        rotation=rotation,
        zorder=4,
    )


def round_values(axes: Axes, at_most: int) -> list[float]:
    """Round values within the vertical limits of the axes."""
    low, high = axes.get_ylim()
    ticks = MaxNLocator(nbins=at_most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low <= tick <= high]


def write_titles(axes: Axes, left: str, right: str) -> None:
    """What is shown, in bold on the left; up to when, on the right."""
    write(axes, left, (0, 1), "axes fraction", (0, 6), ha="left", va="bottom", size=9, colour=INK, weight="bold")
    write(axes, right, (1, 1), "axes fraction", (0, 6), ha="right", va="bottom")


def to_png(figure: Figure) -> bytes:
    """PNG with a palette: a third of the size, and line art loses nothing by it."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    image = Image.frombuffer("RGBA", canvas.get_width_height(), pixels, "raw", "RGBA", 0, 1)
    # Maximum coverage keeps a thin line's colour, which a median cut gives up for more shades of the grid.
    palette_image = image.convert("RGB").quantize(
        _COLOURS_IN_PNG, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    buffer = io.BytesIO()
    palette_image.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def format_price(price: float) -> str:
    """At least five significant digits and two decimals: ``84,403.25``, ``0.000012346``."""
    magnitude = math.floor(math.log10(abs(price))) if price else 0
    return f"{price:,.{max(2, 4 - magnitude)}f}"
