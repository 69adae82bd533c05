"""One symbol's panel: candlesticks with volume, averages, bands and signals over a strip with the RSI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from trading_platform.adapters.matplotlib_charts import figure as style
from trading_platform.adapters.matplotlib_charts.signal_marks import draw_signals, has_labels_above
from trading_platform.adapters.matplotlib_charts.timeline import Timeline
from trading_platform.domain.candle import subtract_gaps
from trading_platform.ports.charts import ChartPanel

Array = npt.NDArray[np.float64]

_AVERAGES = ("ema_", "sma_", "wma_")
_BODY_WIDTH = 0.7
_VOLUME_SHARE = 0.16
"""Part of the price axes' height that the tallest volume bar takes."""
_TIMES_ACROSS = 12
_LEGEND_STEP_POINTS = 38
_FEWEST_CANDLES = 30
"""Room for at least so many, lest a first candle fill the panel."""
_RSI_LEVELS = (30.0, 70.0)


class Cell(NamedTuple):
    """A panel's area, in fractions of the figure."""

    left: float
    bottom: float
    width: float
    height: float


@dataclass(frozen=True)
class _Margins:
    """Room around the axes of a panel, in pixels."""

    left: int = 14
    right: int = 62
    top: int = 26
    bottom: int = 20
    strip: int = 48
    between: int = 5


_MARGINS = _Margins()


def draw(figure: Figure, cell: Cell, panel: ChartPanel, candles: int) -> None:
    """Draw the panel's newest candles into its cell of the figure."""
    frame = panel.frame.iloc[-candles:]
    prices, strip = _add_axes(figure, cell)
    if frame.empty:
        style.draw_scales(prices, ([], []), ([], []))
        style.draw_scales(strip, ([], []), ([], []))
        style.write_titles(prices, f"{panel.symbol} · {panel.interval}", "no candles yet")
        return
    timeline = Timeline(_open_times(frame), panel.interval)
    _shade_gaps(prices, timeline, panel)
    _draw_volume(prices, timeline, frame)
    _draw_bands(prices, timeline, frame)
    _draw_candles(prices, timeline, frame)
    _draw_averages(prices, timeline, frame)
    _frame_prices(prices, frame, has_labels_above=has_labels_above(timeline, panel.signals))
    _draw_oscillator(strip, timeline, frame)
    _scale(prices, strip, timeline, cell)
    draw_signals(prices, timeline, frame, panel.signals)
    _write_titles(prices, panel, frame, is_narrow=cell.width < 1)


def _add_axes(figure: Figure, cell: Cell) -> tuple[Axes, Axes]:
    figure_width, figure_height = figure.bbox.width, figure.bbox.height
    left = cell.left + _MARGINS.left / figure_width
    width = cell.width - (_MARGINS.left + _MARGINS.right) / figure_width
    strip_bottom = cell.bottom + _MARGINS.bottom / figure_height
    strip_height = _MARGINS.strip / figure_height
    prices_bottom = strip_bottom + strip_height + _MARGINS.between / figure_height
    prices_height = cell.bottom + cell.height - _MARGINS.top / figure_height - prices_bottom
    prices = figure.add_axes((left, prices_bottom, width, prices_height))
    strip = figure.add_axes((left, strip_bottom, width, strip_height))
    return prices, strip


def _shade_gaps(axes: Axes, timeline: Timeline, panel: ChartPanel) -> None:
    """A strip where candles are missing; another colour where the venue itself has none."""
    for span in timeline.gaps:
        is_venues = not subtract_gaps([span.missing], panel.venue_gaps, panel.interval)
        axes.axvspan(span.start, span.end, color=style.VENUE_GAP if is_venues else style.GAP, zorder=0.5)
        style.write(
            axes,
            f"exchange had none: {span.missing.candles:,}" if is_venues else f"{span.missing.candles:,} missing",
            ((span.start + span.end) / 2, 0.5),
            axes.get_xaxis_transform(),
            (0, 0),
            ha="center",
            va="center",
            size=style.SMALL_FONT_SIZE,
            colour=style.VENUE_GAP_INK if is_venues else style.GAP_INK,
            rotation=90,
        )


def _draw_volume(axes: Axes, timeline: Timeline, frame: pd.DataFrame) -> None:
    volume = frame["volume"].to_numpy()
    tallest = volume.max()
    heights = volume / tallest * _VOLUME_SHARE if tallest > 0 else np.zeros_like(volume)
    bars = _boxes(timeline.x, np.zeros_like(heights), heights)
    axes.add_collection(
        PolyCollection(bars, facecolors=style.VOLUME, transform=axes.get_xaxis_transform(), zorder=1),
        autolim=False,
    )


def _draw_bands(axes: Axes, timeline: Timeline, frame: pd.DataFrame) -> None:
    upper, lower = (_first_column(frame, (stem,)) for stem in ("bb_upper_", "bb_lower_"))
    if upper is None or lower is None:
        return
    x, top = timeline.broken_at_gaps(frame[upper].to_numpy())
    _, bottom = timeline.broken_at_gaps(frame[lower].to_numpy())
    axes.fill_between(x, bottom, top, color=style.BAND, alpha=0.16, linewidth=0, zorder=1.5)
    for line in (top, bottom):
        axes.plot(x, line, color=style.BAND, linewidth=0.8, zorder=1.6)


def _draw_candles(axes: Axes, timeline: Timeline, frame: pd.DataFrame) -> None:
    open_, high, low, close = (frame[name].to_numpy() for name in ("open", "high", "low", "close"))
    colours = np.where(close >= open_, style.RISING, style.FALLING)
    wicks = np.stack((np.column_stack((timeline.x, low)), np.column_stack((timeline.x, high))), axis=1)
    axes.add_collection(LineCollection(list(wicks), colors=colours, linewidths=0.8, zorder=2))
    bodies = _boxes(timeline.x, np.minimum(open_, close), np.maximum(open_, close))
    axes.add_collection(PolyCollection(bodies, facecolors=colours, edgecolors=colours, linewidths=0.6, zorder=2.1))


def _draw_averages(axes: Axes, timeline: Timeline, frame: pd.DataFrame) -> None:
    names = [str(column) for column in frame if str(column).startswith(_AVERAGES)]
    for place, (name, colour) in enumerate(zip(names, style.AVERAGES, strict=False)):
        axes.plot(*timeline.broken_at_gaps(frame[name].to_numpy()), color=colour, linewidth=1.1, zorder=2.5)
        # Matplotlib's own legend takes as long as the rest of the panel.
        offset = (4 + place * _LEGEND_STEP_POINTS, -4)
        _write_name(axes, _spelled(name), offset, colour)


def _write_name(axes: Axes, text: str, offset_points: tuple[float, float], colour: str) -> None:
    style.write(
        axes,
        text,
        (0, 1),
        "axes fraction",
        offset_points,
        ha="left",
        va="top",
        size=style.SMALL_FONT_SIZE,
        colour=colour,
        is_backed=True,
    )


def _spelled(column: str) -> str:
    return column.replace("_", " ").upper()


def _frame_prices(axes: Axes, frame: pd.DataFrame, *, has_labels_above: bool) -> None:
    """Limits from the candles alone, so that a far band can't flatten them; with room for the signals' labels."""
    low, high = float(frame["low"].min()), float(frame["high"].max())
    height = (high - low) or high * 0.001
    axes.set_ylim(low - height * (_VOLUME_SHARE + 0.12), high + height * (0.27 if has_labels_above else 0.14))


def _draw_oscillator(axes: Axes, timeline: Timeline, frame: pd.DataFrame) -> None:
    column = _first_column(frame, ("rsi_",))
    axes.set_ylim(0, 100)
    if column is None:
        return
    x, values = timeline.broken_at_gaps(frame[column].to_numpy())
    axes.axhspan(*_RSI_LEVELS, color=style.OSCILLATOR, alpha=0.05, linewidth=0)
    axes.plot(x, values, color=style.OSCILLATOR, linewidth=1.0)
    newest = frame[column].iloc[-1]
    name = _spelled(column)
    _write_name(axes, f"{name}  {newest:.1f}" if np.isfinite(newest) else name, (4, -3), style.OSCILLATOR)


def _scale(prices: Axes, strip: Axes, timeline: Timeline, cell: Cell) -> None:
    for axes in (prices, strip):
        newest = float(timeline.x[-1])
        axes.set_xlim(min(float(timeline.x[0]), newest - _FEWEST_CANDLES) - 1.5, newest + 1.5)
    positions, labels = timeline.ticks(at_most=round(_TIMES_ACROSS * cell.width))
    levels = style.round_values(prices, at_most=5)
    style.draw_scales(prices, (positions, []), (levels, [style.format_price(level) for level in levels]))
    style.draw_scales(strip, (positions, labels), (_RSI_LEVELS, [f"{level:g}" for level in _RSI_LEVELS]))


def _write_titles(axes: Axes, panel: ChartPanel, frame: pd.DataFrame, *, is_narrow: bool) -> None:
    close = frame["close"].to_numpy()
    change = close[-1] / close[0] - 1.0
    newest: datetime = _open_times(frame)[-1].to_pydatetime()
    closed_at = panel.interval.close_of(newest)
    parts = (f"{panel.symbol} · {panel.interval}", style.format_price(close[-1]), f"{change:+.2%}")
    style.write_titles(
        axes,
        ("  " if is_narrow else "   ").join(parts),
        f"{closed_at:%d %b %H:%M} UTC" if is_narrow else f"newest candle closed {closed_at:%d %b %Y %H:%M} UTC",
    )
    axes.axhline(close[-1], color=style.FAINT_INK, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1.7)


def _first_column(frame: pd.DataFrame, stems: Sequence[str]) -> str | None:
    return next((str(column) for column in frame if str(column).startswith(tuple(stems))), None)


def _open_times(frame: pd.DataFrame) -> pd.DatetimeIndex:
    assert isinstance(frame.index, pd.DatetimeIndex)
    return frame.index


def _boxes(x: Array, bottom: Array, top: Array) -> list[Array]:
    """Corners of one box per candle, each of shape (4, 2)."""
    left, right = x - _BODY_WIDTH / 2, x + _BODY_WIDTH / 2
    corners = ((left, bottom), (left, top), (right, top), (right, bottom))
    return list(np.stack([np.column_stack(corner) for corner in corners], axis=1))
