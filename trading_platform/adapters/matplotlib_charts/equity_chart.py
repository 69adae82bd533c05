"""Worth of the account over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trading_platform.adapters.matplotlib_charts import figure as style
from trading_platform.adapters.matplotlib_charts.timeline import round_times, time_labels
from trading_platform.domain.order import Side
from trading_platform.domain.returns import time_weighted_return
from trading_platform.domain.transfer import Transfer, TransferKind
from trading_platform.ports.charts import FillMark
from trading_platform.ports.ledger import EquityPoint

Array = npt.NDArray[np.float64]

_AREA = (0.016, 0.09, 0.905, 0.8)
_MARKERS = {Side.BUY: ("^", "▲", style.RISING), Side.SELL: ("v", "▼", style.FALLING)}
_TIMES_ACROSS = 9
_PAUSE_SECONDS = 900.0
_PAUSE_STEPS = 10  # times the usual distance of two points


def draw(
    figure: Figure,
    points: Sequence[EquityPoint],
    fills: Sequence[FillMark],
    transfers: Sequence[Transfer],
    quote: str,
) -> None:
    """Draw the equity's line, its start as a dashed level, the fills upon the line, and when money came or went."""
    axes = figure.add_axes(_AREA)
    if not points:
        style.draw_scales(axes, ([], []), ([], []))
        style.write_titles(axes, "Equity", "nothing recorded yet")
        return
    ordered = sorted(points, key=lambda point: point.venue_time)
    times = np.array([point.venue_time.timestamp() for point in ordered])
    equity = np.array([float(point.equity_quote) for point in ordered])
    axes.axhline(equity[0], color=style.FAINT_INK, linewidth=0.8, linestyle=(0, (3, 3)))
    line = broken_at_pauses(times, equity)
    axes.plot(*line, color=style.AVERAGES[1], linewidth=1.4)
    axes.fill_between(line[0], equity[0], line[1], color=style.AVERAGES[1], alpha=0.08, linewidth=0)
    legend = f"{_draw_fills(axes, times, equity, fills)}   " if fills else ""
    moved = _moved_between(ordered, transfers)
    legend += _draw_transfers(axes, ordered, moved)
    _scale(axes, times, equity)
    earned = time_weighted_return(ordered[0].equity_quote, ordered[-1].equity_quote, moved)
    change = "" if earned is None else f"{earned:+.2%}"
    shown = f"{ordered[0].venue_time:%d %b %H:%M} to {ordered[-1].venue_time:%d %b %Y %H:%M} UTC"
    style.write_titles(axes, f"Equity   {equity[-1]:,.2f} {quote}   {change}", f"{legend}{shown}")


def broken_at_pauses(times: Array, equity: Array) -> tuple[Array, Array]:
    """The line, with nothing drawn where nothing was valued: while the market was closed, or the platform was down."""
    steps = np.diff(times)
    if not steps.size:
        return times, equity
    pauses = np.flatnonzero(steps > max(_PAUSE_STEPS * float(np.median(steps)), _PAUSE_SECONDS)) + 1
    return np.insert(times, pauses, times[pauses]), np.insert(equity, pauses, np.nan)


def _draw_fills(axes: Axes, times: Array, equity: Array, fills: Sequence[FillMark]) -> str:
    """Mark the fills within the shown time; returns their counts in words."""
    counts = []
    for side, (marker, sign, colour) in _MARKERS.items():
        moments = np.array([fill.venue_time.timestamp() for fill in fills if fill.side is side], dtype=np.float64)
        shown = moments[(moments >= times[0]) & (moments <= times[-1])]
        axes.plot(shown, np.interp(shown, times, equity), marker, color=colour, markersize=6)
        counts.append(f"{sign} {shown.size} {side}")
    return "   ".join(counts)


def _moved_between(ordered: Sequence[EquityPoint], transfers: Sequence[Transfer]) -> list[Transfer]:
    """Those that were booked between the first point and the last, in that order.

    The venue's time of a transfer may lie long before: that of a deposit is when it was first seen on its way.
    """
    first, last = ordered[0].recorded_at, ordered[-1].recorded_at
    booked = (each for each in transfers if each.kind is not TransferKind.OPENING)
    return sorted((each for each in booked if first < each.recorded_at <= last), key=lambda each: each.recorded_at)


def _draw_transfers(axes: Axes, ordered: Sequence[EquityPoint], moved: Sequence[Transfer]) -> str:
    """Mark where money that came or went is in the equity; returns in words how often, nothing if it never did."""
    for transfer in moved:
        first_with_it = next(point for point in ordered if point.recorded_at >= transfer.recorded_at)
        axes.axvline(first_with_it.venue_time.timestamp(), color=style.FAINT_INK, linewidth=0.8)
    if not moved:
        return ""
    return f"│ {len(moved)} {'transfer' if len(moved) == 1 else 'transfers'}   "


def _scale(axes: Axes, times: Array, equity: Array) -> None:
    span = max(float(times[-1] - times[0]), 60.0)
    axes.set_xlim(times[-1] - span * 1.01, times[-1] + span * 0.01)
    rim = max(float(np.ptp(equity)), abs(float(equity[-1])) * 0.001) * 0.1
    axes.set_ylim(equity.min() - rim, equity.max() + rim)
    levels = style.round_values(axes, at_most=6)
    moments = round_times(times[-1] - span, times[-1], _TIMES_ACROSS)
    labels = time_labels(moments)
    style.draw_scales(axes, (moments.tolist(), labels), (levels, [f"{level:,.2f}" for level in levels]))
