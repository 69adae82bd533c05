"""The state of ranges of candles, told by their number and the sum of their corrections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from trading_platform.adapters.influxdb import flux, points
from trading_platform.adapters.influxdb.connection import InfluxConnection, Parameters
from trading_platform.ports.series_store import CandleRange, RangeVersion, SeriesVersion

_JUST_AFTER = timedelta(milliseconds=1)
_GROUPS_AT_ONCE = 25

_Span = tuple[str, datetime, datetime]  # interval, first, last
_Group = tuple[_Span, list[str]]


def versions(connection: InfluxConnection, bucket: str, ranges: Sequence[CandleRange]) -> list[SeriesVersion]:
    """The state of each range. Symbols of one span (a tick's windows, mostly) share their four aggregates."""
    symbols: dict[_Span, list[str]] = defaultdict(list)
    for wanted in ranges:
        symbols[_span(wanted)].append(wanted.symbol)
    groups = list(symbols.items())
    found: dict[tuple[_Span, str], SeriesVersion] = {}
    for first in range(0, len(groups), _GROUPS_AT_ONCE):
        found |= _ask(connection, bucket, groups[first : first + _GROUPS_AT_ONCE])
    return [found[_span(wanted), wanted.symbol] for wanted in ranges]


def _span(wanted: CandleRange) -> _Span:
    return wanted.interval.name, wanted.first, wanted.last


def _ask(connection: InfluxConnection, bucket: str, groups: Sequence[_Group]) -> dict[tuple[_Span, str], SeriesVersion]:
    parameters: Parameters = {"bucket": bucket, "end": flux.END_OF_TIME}
    for number, ((interval, first, last), symbols) in enumerate(groups):
        parameters |= {
            f"interval_{number}": interval,
            f"begin_{number}": first,
            f"middle_{number}": last + _JUST_AFTER,
            **{f"symbol_{number}_{place}": symbol for place, symbol in enumerate(symbols)},
        }
    query = flux.states(points.CANDLES, "revision", [len(symbols) for _, symbols in groups])
    answers = {
        (table.result, symbol): int(value)
        for table in connection.query(query, parameters)
        for symbol, value in table.values("symbol", "_value")
    }

    def version(number: int, symbol: str, *places: str) -> RangeVersion:
        counted, summed = (
            sum(answers.get((f"{what}_{place}_{number}", symbol), 0) for place in places) for what in ("count", "sum")
        )
        return RangeVersion(counted, summed)

    return {
        (span, symbol): SeriesVersion(version(number, symbol, "inside"), version(number, symbol, "inside", "beyond"))
        for number, (span, symbols) in enumerate(groups)
        for symbol in symbols
    }
