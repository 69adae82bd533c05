"""Writes to a store as JSON and back: decimals as text, to the last digit; times in microseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import (
    CandleBatch,
    GapRecord,
    IndicatorRows,
    MetricBatch,
    StoreWrite,
    TickerBatch,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
EVERY_SERIES = ""
KINDS: dict[type[StoreWrite], str] = {
    CandleBatch: "candles",
    GapRecord: "gaps",
    IndicatorRows: "indicators",
    TickerBatch: "tickers",
    MetricBatch: "metrics",
}


def to_row(write: StoreWrite) -> dict[str, Any]:
    """Columns kind, symbol, interval and payload."""
    kind = {"kind": KINDS[type(write)]}
    if isinstance(write, TickerBatch):
        return {**kind, "symbol": EVERY_SERIES, "interval": EVERY_SERIES, "payload": _tickers(write)}
    if isinstance(write, MetricBatch):
        return {**kind, "symbol": EVERY_SERIES, "interval": EVERY_SERIES, "payload": _metrics(write)}
    series = {**kind, "symbol": write.symbol, "interval": write.interval.name}
    if isinstance(write, CandleBatch):
        return {**series, "payload": _candles(write)}
    if isinstance(write, GapRecord):
        return {**series, "payload": _gaps(write)}
    return {**series, "payload": _indicators(write)}


def from_row(kind: str, symbol: str, interval: str, payload: Mapping[str, Any]) -> StoreWrite:
    """The write again."""
    if kind == "tickers":
        return TickerBatch(
            tuple(
                Ticker(s, Decimal(bid), Decimal(ask), Decimal(last), _time(venue), _time(received), source)
                for s, bid, ask, last, venue, received, source in payload["tickers"]
            )
        )
    if kind == "metrics":
        return MetricBatch(
            tuple(MetricPoint(MetricName(n), float(v), _time(at), subject) for n, v, at, subject in payload["metrics"])
        )
    length = Interval.parse(interval)
    if kind == "candles":
        candles = tuple(Candle(_time(opened), *map(Decimal, values)) for opened, *values in payload["candles"])
        return CandleBatch(symbol, length, candles, payload["source"], _time(payload["received_at"]))
    if kind == "gaps":
        gaps = tuple(Gap(_time(first), _time(last), count) for first, last, count in payload["gaps"])
        start, end, confirmed = (_time(payload[name]) for name in ("start", "end", "confirmed_at"))
        return GapRecord(symbol, length, gaps, start, end, confirmed)
    # a float without a fraction comes back as an integer
    rows = {_time(opened): {name: float(value) for name, value in values.items()} for opened, values in payload["rows"]}
    return IndicatorRows(symbol, length, rows)


def _candles(write: CandleBatch) -> dict[str, Any]:
    rows = [[_number(c.open_time), *map(str, (c.open, c.high, c.low, c.close, c.volume))] for c in write.candles]
    return {"source": write.source, "received_at": _number(write.received_at), "candles": rows}


def _gaps(write: GapRecord) -> dict[str, Any]:
    rows = [[_number(gap.first_missing), _number(gap.last_missing), gap.candles] for gap in write.gaps]
    times = {"start": write.start, "end": write.end, "confirmed_at": write.confirmed_at}
    return {"gaps": rows} | {name: _number(time) for name, time in times.items()}


def _indicators(write: IndicatorRows) -> dict[str, Any]:
    return {"rows": [[_number(opened), dict(values)] for opened, values in write.rows.items()]}


def _tickers(write: TickerBatch) -> dict[str, Any]:
    rows = [
        [t.symbol, str(t.bid), str(t.ask), str(t.last), _number(t.venue_time), _number(t.received_at), t.source]
        for t in write.tickers
    ]
    return {"tickers": rows}


def _metrics(write: MetricBatch) -> dict[str, Any]:
    return {"metrics": [[m.name, m.value, _number(m.at), m.subject] for m in write.metrics]}


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _time(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND
