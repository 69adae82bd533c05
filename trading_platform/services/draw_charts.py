"""Pictures for the owner: prices with indicators and signals, and the account's worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from trading_platform.domain.candle import Interval
from trading_platform.domain.indicators import IndicatorSpec, compute_indicators
from trading_platform.domain.metric import MetricName
from trading_platform.ports.charts import ChartPainter, ChartPanel, FillMark, MetricPanel, SignalMark
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.series_store import SeriesStore

MARKED_SIGNALS = 200
EQUITY_POINTS = 2000
COURSE_STEPS = 800
MARKED_FILLS = 200
MARKED_TRANSFERS = 1000
METRIC_HOURS = 6
_LEAST_SPAN = timedelta(minutes=10)
_DRAWN_METRICS = {
    MetricName.RUN_SECONDS: "Runs (s)",
    MetricName.CANDLE_AGE_SECONDS: "Candle age (s)",
    MetricName.PRICE_AGE_SECONDS: "Price age (s)",
    MetricName.ORDER_LATENCY_SECONDS: "Order latency (s)",
    MetricName.ORDERS_IN_FLIGHT: "Orders in flight",
    MetricName.STREAMS_NOT_LIVE: "Streams that don't live",
    MetricName.SPOOL_POINTS: "Points that wait for InfluxDB",
    MetricName.DRAWDOWN_SHARE: "Drawdown (share)",
}


def newest_candle(store: SeriesStore, symbols: Sequence[str], interval: Interval) -> datetime | None:
    """Open time of the newest candle of any symbol: a chart is due when it has moved on."""
    newest = [store.newest_open_time(symbol, interval) for symbol in symbols]
    return max((moment for moment in newest if moment is not None), default=None)


def draw_price_charts(
    store: SeriesStore,
    ledger: Ledger,
    painter: ChartPainter,
    account: str,
    symbols: Sequence[str],
    interval: Interval,
    specs: Sequence[IndicatorSpec],
    window_candles: int,
    candles: int,
) -> bytes | None:
    """One PNG with a panel per symbol; None while there are no candles."""
    panels = []
    for symbol in symbols:
        window = store.candle_frame(symbol, interval, newest=window_candles)
        if not window.empty:
            marks = [
                SignalMark(signal.candle_close - interval.length, signal.direction, signal.strategy.replace("_", " "))
                for signal in ledger.recent_signals(account, MARKED_SIGNALS, symbol=symbol)
                if signal.interval == interval.name
            ]
            gaps = store.known_gaps(symbol, interval, start=window.index[0].to_pydatetime())
            panels.append(ChartPanel(symbol, interval, compute_indicators(window, specs), marks, gaps))
    return painter.render_price_chart(panels, candles=candles) if panels else None


def draw_equity_chart(ledger: Ledger, painter: ChartPainter, account: str, quote: str) -> bytes | None:
    """One PNG of what the account was worth lately, with its fills; None until there are two points."""
    points = ledger.equity_history(account, EQUITY_POINTS)
    if len(points) < 2:
        return None
    fills = [FillMark(fill.time, side, symbol) for symbol, side, fill in ledger.recent_fills(account, MARKED_FILLS)]
    return painter.render_equity_chart(points, fills, quote, transfers=ledger.transfers(account, MARKED_TRANSFERS))


def draw_equity_course(ledger: Ledger, painter: ChartPainter, account: str, quote: str) -> bytes | None:
    """One PNG of the account's worth since it began; None while the newest points are all there are."""
    course = ledger.equity_course(account, COURSE_STEPS)
    if not course or course[-1].venue_time - course[0].venue_time < timedelta(minutes=EQUITY_POINTS):
        return None  # there is a point a minute at most
    return painter.render_equity_chart(course, [], quote, transfers=ledger.transfers(account, MARKED_TRANSFERS))


def draw_metric_chart(store: SeriesStore, painter: ChartPainter, now: datetime) -> bytes | None:
    """One PNG of how the platform did in the last hours; None while nothing is measured.

    Raises
    ------
    RetryLater
        If the store doesn't answer: metrics aren't remembered.
    """
    start = now - timedelta(hours=METRIC_HOURS)
    panels = [
        MetricPanel(title, points)
        for name, title in _DRAWN_METRICS.items()
        if (points := store.metrics(name, since=start))
    ]
    if not panels:
        return None
    # a platform that is young isn't squeezed into the right edge of the hours before it
    first = min(point.at for panel in panels for point in panel.points)
    return painter.render_metric_chart(panels, max(start, min(first, now - _LEAST_SPAN)), now)
