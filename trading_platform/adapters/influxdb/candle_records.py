"""Candles with everything that is kept of them: when each came and from where, and what it was before corrections.

What a candle was is a point of another measurement at the same time, each revision a field of it: as text, like the
candle itself, with source and time of receipt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from trading_platform.adapters.influxdb import flux, points
from trading_platform.adapters.influxdb.points import arrived_of, candle_line, earlier_line, moment_of
from trading_platform.adapters.influxdb.series_reader import SeriesReader
from trading_platform.ports.movable_store import Arrived, CandleRecord

_JUST_AFTER = timedelta(milliseconds=1)
_FIELDS = ("exact", "source", "received_at", "revision")


def read(candles: SeriesReader, earlier: SeriesReader, start: datetime, end: datetime) -> list[CandleRecord]:
    """Those with start <= open_time < end, ascending."""
    fields: dict[str, dict[str, str]] = defaultdict(dict)
    query = flux.of_series(points.CANDLES, *_FIELDS)
    for table in candles.connection.query(query, candles.parameters(start, end)):
        for time, name, value in table.values("_time", "_field", "_value"):
            fields[time][name] = value
    was = _earlier(earlier, start, end)
    return [
        CandleRecord(_arrived(time, each), int(each["revision"]), was.get(moment_of(time), ()))
        for time, each in sorted(fields.items(), key=lambda item: moment_of(item[0]))
    ]


def lines(candles: SeriesReader, records: Sequence[CandleRecord]) -> Iterator[str]:
    """What has to be written so that they are kept as they are."""
    series = candles.symbol, candles.interval
    for record in records:
        now = record.now
        yield candle_line(*series, now.candle, source=now.source, received_at=now.received_at, revision=record.revision)
        if record.earlier:
            yield earlier_line(*series, record.earlier)


def lines_of_corrections(candles: SeriesReader, corrected: Sequence[datetime]) -> Iterator[str]:
    """What has to be written, beside their corrections, so that it stays known what those candles were."""
    for time in corrected:
        query = flux.of_series(points.CANDLES, *_FIELDS)
        fields = {
            name: value
            for table in candles.connection.query(query, candles.parameters(time, time + _JUST_AFTER))
            for name, value in table.values("_field", "_value")
        }
        was = int(fields["revision"]), _arrived(time.isoformat(), fields)
        yield earlier_line(candles.symbol, candles.interval, [was])


def _earlier(earlier: SeriesReader, start: datetime, end: datetime) -> dict[datetime, tuple[tuple[int, Arrived], ...]]:
    found: dict[datetime, list[tuple[int, Arrived]]] = defaultdict(list)
    query = flux.of_series_in_all_fields(points.EARLIER)
    for table in earlier.connection.query(query, earlier.parameters(start, end)):
        for time, name, text in table.values("_time", "_field", "_value"):
            found[moment_of(time)].append((int(name.removeprefix(points.WAS)), arrived_of(time, text)))
    return {time: tuple(sorted(each, key=lambda was: was[0])) for time, each in found.items()}


def _arrived(time: str, fields: dict[str, str]) -> Arrived:
    return arrived_of(time, f"{fields['source']} {fields['received_at']} {fields['exact']}")
