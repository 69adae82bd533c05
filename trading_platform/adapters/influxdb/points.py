"""How market data looks in InfluxDB: points of line protocol, and back.

A point is known by measurement, tags and time; writing it again replaces its fields. So the tags are only what names a
series (symbol, interval), and whatever may change for the same candle (values, source, time of receipt, number of its
correction) is a field.

Each point carries what the platform reads as one text, beside floats for charts and tasks. A venue's ``84705.64000000``
is no float, and a single value can't be torn: of two writers of the same candle, one wins as a whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from influxdb_client import Point, WritePrecision

from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricPoint
from trading_platform.ports.movable_store import Arrived

CANDLES = "candles"
TICKERS = "tickers"
INDICATORS = "indicators"
GAPS = "candle_gaps"
EARLIER = "candle_corrections"
PLATFORM = "platform"

WAS = "was_"  # and the revision: a field of EARLIER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)


def milliseconds(moment: datetime) -> int:
    """Since the epoch; what is finer is cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def microseconds(moment: datetime) -> int:
    """Since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(text: str) -> datetime:
    """A time of the server's (RFC 3339)."""
    return datetime.fromisoformat(text)


def candle_line(
    symbol: str, interval: Interval, candle: Candle, *, source: str, received_at: datetime, revision: int
) -> str:
    """A candle; `revision` counts its corrections."""
    point = _point(CANDLES, candle.open_time).tag("symbol", symbol).tag("interval", interval.name)
    for name in ("open", "high", "low", "close", "volume"):
        point.field(name, float(getattr(candle, name)))
    point.field("exact", candle_text(candle)).field("source", source).field("revision", revision)
    return str(point.field("received_at", microseconds(received_at)).to_line_protocol())


def candle_text(candle: Candle) -> str:
    """Open, high, low, close and volume to the last digit, trailing zeros included."""
    return f"{candle.open:f} {candle.high:f} {candle.low:f} {candle.close:f} {candle.volume:f}"


def candle_of(time: str, text: str) -> Candle:
    """The candle that `candle_text` wrote down."""
    return Candle(moment_of(time), *map(Decimal, text.split(" ")))


def earlier_line(symbol: str, interval: Interval, earlier: Sequence[tuple[int, Arrived]]) -> str:
    """What a candle was before its corrections, by the revision that it had."""
    point = _point(EARLIER, earlier[0][1].candle.open_time).tag("symbol", symbol).tag("interval", interval.name)
    for revision, was in earlier:
        point.field(f"{WAS}{revision}", f"{was.source} {microseconds(was.received_at)} {candle_text(was.candle)}")
    return str(point.to_line_protocol())


def arrived_of(time: str, text: str) -> Arrived:
    """The candle that `earlier_line` wrote down."""
    source, received, exact = text.split(" ", 2)
    return Arrived(candle_of(time, exact), source, _EPOCH + int(received) * _MICROSECOND)


def ticker_line(ticker: Ticker) -> str:
    """A price, at the venue's time."""
    point = _point(TICKERS, ticker.venue_time).tag("symbol", ticker.symbol)
    for name in ("bid", "ask", "last"):
        point.field(name, float(getattr(ticker, name)))
    prices = f"{ticker.bid:f} {ticker.ask:f} {ticker.last:f}"
    times = f"{microseconds(ticker.venue_time)} {microseconds(ticker.received_at)}"
    return str(point.field("exact", f"{prices} {times} {ticker.source}").to_line_protocol())


def ticker_of(symbol: str, text: str) -> Ticker:
    """The ticker that `ticker_line` wrote down."""
    bid, ask, last, venue, received, source = text.split(" ", 5)
    times = (_EPOCH + int(venue) * _MICROSECOND, _EPOCH + int(received) * _MICROSECOND)
    return Ticker(symbol, Decimal(bid), Decimal(ask), Decimal(last), *times, source)


def indicator_line(symbol: str, interval: Interval, open_time: datetime, values: Mapping[str, float]) -> str:
    """A row of indicator values; what isn't finite is left out.

    The row as a text is what counts: fields of an earlier writing that it doesn't name stay with the point.
    """
    finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
    point = _point(INDICATORS, open_time).tag("symbol", symbol).tag("interval", interval.name)
    for name, value in finite.items():
        point.field(name, value)
    return str(point.field("row", json.dumps(finite)).to_line_protocol())


def indicators_of(text: str) -> dict[str, float]:
    """The values that `indicator_line` wrote down."""
    return {str(name): float(value) for name, value in json.loads(text).items()}


def gap_line(symbol: str, interval: Interval, first_missing: datetime, gap: Gap | None) -> str:
    """A gap of the venue's own, at its first missing candle; None: there is none there any more."""
    point = _point(GAPS, first_missing).tag("symbol", symbol).tag("interval", interval.name)
    text = ""
    if gap is not None:
        confirmed = "" if gap.confirmed_at is None else microseconds(gap.confirmed_at)
        text = f"{microseconds(gap.last_missing)} {gap.candles} {confirmed}"
    return str(point.field("candles", gap.candles if gap else 0).field("gap", text).to_line_protocol())


def gap_of(time: str, text: str) -> Gap | None:
    """The gap that `gap_line` wrote down."""
    if not text:
        return None
    last, candles, confirmed = text.split(" ")
    confirmed_at = _EPOCH + int(confirmed) * _MICROSECOND if confirmed else None
    return Gap(moment_of(time), _EPOCH + int(last) * _MICROSECOND, int(candles), confirmed_at)


def metric_line(metric: MetricPoint) -> str:
    """A measurement of the platform's own: its name is the field, its subject the tag."""
    point = _point(PLATFORM, metric.at)
    if metric.name.tag:
        point.tag(metric.name.tag, metric.subject)
    return str(point.field(str(metric.name), float(metric.value)).to_line_protocol())


def _point(measurement: str, time: datetime) -> Point:
    point: Point = Point(measurement).time(milliseconds(time), WritePrecision.MS)
    return point
