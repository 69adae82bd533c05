"""Writing down how the platform does, at the end of each run. Nothing depends on it, so it fails no run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import PlatformError
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.order_machine import OrderEventKind
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.ports.store_spool import StoreSpool
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform.settings import Settings

REFRESH = "refresh"
TRADE = "trade"
_ORDERS_LOOKED_AT = 20
_LOOKED_BACK = timedelta(minutes=10)
_THE_VENUE_HAS_IT = (
    OrderEventKind.ACKNOWLEDGED,
    OrderEventKind.PARTIALLY_FILLED,
    OrderEventKind.FILLED,
    OrderEventKind.FOUND,
)

log = structlog.get_logger()


@dataclass(frozen=True)
class MetricsDesk:
    """What is looked at, and where it is written down.

    Parameters
    ----------
    streams, spool
        None if the platform does without.
    """

    ledger: Ledger
    store: SeriesStore
    clock: Clock
    settings: Settings
    interval: Interval
    streams: StreamJournal | None = None
    spool: StoreSpool | None = None


_Measure = Callable[[MetricsDesk, VenueTime], Iterator[MetricPoint]]


def record_refresh(desk: MetricsDesk, started_at: datetime | None) -> list[MetricPoint]:
    """Data, money, spool and streams as a refresh leaves them; what was written down.

    Parameters
    ----------
    started_at
        Wall clock, when the run started; None if it was none of the usual ones.
    """
    return _record(desk, REFRESH, started_at, (_candles, _prices, _money, _orders, _spool, _streams))


def record_trade(desk: MetricsDesk, started_at: datetime | None) -> list[MetricPoint]:
    """Money and orders as a trade run leaves them; what was written down."""
    return _record(desk, TRADE, started_at, (_money, _orders, _latencies))


def _record(
    desk: MetricsDesk, process: str, started_at: datetime | None, measures: tuple[_Measure, ...]
) -> list[MetricPoint]:
    try:
        now = desk.clock.read()
        points = [point for measure in measures for point in _measured(desk, now, measure)]
        if started_at is not None:
            seconds = (now.wall - started_at).total_seconds()
            points.append(MetricPoint(MetricName.RUN_SECONDS, seconds, now.wall, process))
        desk.store.save_metrics(points)
    except PlatformError as trouble:
        log.warning("metrics_not_recorded", process=process, why=str(trouble))
        return []
    return points


def _measured(desk: MetricsDesk, now: VenueTime, measure: _Measure) -> list[MetricPoint]:
    """What can't be asked is left out: the spool is of most interest while the prices can't be had."""
    try:
        return list(measure(desk, now))
    except PlatformError as trouble:
        log.warning("metric_not_measured", measure=measure.__name__.strip("_"), why=str(trouble))
        return []


def _candles(desk: MetricsDesk, now: VenueTime) -> Iterator[MetricPoint]:
    for symbol in desk.settings.market.symbols:
        newest = desk.store.newest_open_time(symbol, desk.interval)
        if newest is not None:
            age = now.wall_seconds_since(newest + desk.interval.length)
            yield MetricPoint(MetricName.CANDLE_AGE_SECONDS, age, now.wall, symbol)


def _prices(desk: MetricsDesk, now: VenueTime) -> Iterator[MetricPoint]:
    for symbol, ticker in desk.store.tickers(desk.settings.market.symbols).items():
        age = ticker.age_seconds(now.wall)
        if math.isfinite(age):
            yield MetricPoint(MetricName.PRICE_AGE_SECONDS, age, now.wall, symbol)


def _money(desk: MetricsDesk, now: VenueTime) -> Iterator[MetricPoint]:
    marks = desk.ledger.equity_marks(desk.settings.account.name)
    if marks is not None:
        drawdown = float(marks.drawdown_of(marks.last_quote))
        yield MetricPoint(MetricName.EQUITY_QUOTE, float(marks.last_quote), now.wall)
        yield MetricPoint(MetricName.DRAWDOWN_SHARE, drawdown, now.wall)


def _orders(desk: MetricsDesk, now: VenueTime) -> Iterator[MetricPoint]:
    unsettled = desk.ledger.unsettled_orders(desk.settings.account.name)
    in_flight = sum(not order.is_on_guard for order in unsettled)
    yield MetricPoint(MetricName.ORDERS_IN_FLIGHT, in_flight, now.wall)


def _latencies(desk: MetricsDesk, now: VenueTime) -> Iterator[MetricPoint]:
    """At the time of the venue's word, so that a run that looks at the same order again changes nothing."""
    for order in desk.ledger.recent_orders(desk.settings.account.name, _ORDERS_LOOKED_AT):
        if order.created_at < now.wall - _LOOKED_BACK:
            break  # newest first
        events = desk.ledger.order_events(order.client_order_id)
        known_at = next((event.at for event in events if event.kind in _THE_VENUE_HAS_IT), None)
        if known_at is not None:
            seconds = (known_at - events[0].at).total_seconds()
            yield MetricPoint(MetricName.ORDER_LATENCY_SECONDS, seconds, known_at, order.symbol)


def _spool(desk: MetricsDesk, now: VenueTime) -> Iterator[MetricPoint]:
    if desk.spool is not None:
        yield MetricPoint(MetricName.SPOOL_POINTS, desk.spool.state().points, now.wall)


def _streams(desk: MetricsDesk, now: VenueTime) -> Iterator[MetricPoint]:
    if desk.streams is not None:
        limit = desk.settings.streams.max_heartbeat_age_seconds
        live = {symbol for symbol, status in desk.streams.statuses().items() if status.is_live(now.wall, limit)}
        silent = sum(symbol not in live for symbol in desk.settings.market.symbols)
        yield MetricPoint(MetricName.STREAMS_NOT_LIVE, silent, now.wall)
