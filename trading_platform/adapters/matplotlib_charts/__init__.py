"""Charts by Matplotlib, on the Agg canvas: no display, no pyplot, no global state."""

from trading_platform.adapters.matplotlib_charts.painter import MatplotlibChartPainter

__all__ = ["MatplotlibChartPainter"]
