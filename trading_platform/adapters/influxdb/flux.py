"""The questions that are asked, in Flux. Values reach them as parameters, so every text here is a constant.

The client sends parameters as declarations beside the query (``extern``), which InfluxDB 2 of either kind takes; the
``params`` of the HTTP interface exist in the cloud only. Filters compare with ``==`` and ``or`` alone, and aggregates
follow their filter at once: then the storage engine answers them, not the interpreter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2262, 1, 1, tzinfo=UTC)  # the server counts nanoseconds in 64 bits

_FROM = "from(bucket: bucket) |> range(start: begin, stop: end)"
_SERIES = "r.symbol == symbol and r.interval == interval"


def moment(milliseconds: int) -> datetime:
    """So many milliseconds after the epoch."""
    return BEGINNING + timedelta(milliseconds=milliseconds)


def _fields(names: Sequence[str]) -> str:
    return " or ".join(f'r._field == "{name}"' for name in names)


def _of_one_series(measurement: str, field: str) -> str:
    return f'{_FROM} |> filter(fn: (r) => r._measurement == "{measurement}" and {_SERIES} and r._field == "{field}")'


def _of_every_series(measurement: str, field: str) -> str:
    return f'{_FROM} |> filter(fn: (r) => r._measurement == "{measurement}" and r._field == "{field}")'


def of_series(measurement: str, *fields: str) -> str:
    """Those fields of a series, one table each: ``_time``, ``_field``, ``_value``."""
    return (
        f'{_FROM} |> filter(fn: (r) => r._measurement == "{measurement}" and {_SERIES} and ({_fields(fields)}))'
        ' |> keep(columns: ["_time", "_field", "_value"])'
    )


def of_series_in_all_fields(measurement: str) -> str:
    """Every field of a series, all of one type."""
    return (
        f'{_FROM} |> filter(fn: (r) => r._measurement == "{measurement}" and {_SERIES})'
        ' |> keep(columns: ["_time", "_field", "_value"])'
    )


def newest_of_series(measurement: str, field: str) -> str:
    """The newest value of a field of a series."""
    return _of_one_series(measurement, field) + ' |> last() |> keep(columns: ["_time", "_value"])'


def oldest_of_series(measurement: str, field: str) -> str:
    """The oldest value of a field of a series."""
    return _of_one_series(measurement, field) + ' |> first() |> keep(columns: ["_time", "_value"])'


def count_of_series(measurement: str, field: str) -> str:
    """How many values of a field a series has."""
    return _of_one_series(measurement, field) + ' |> count() |> keep(columns: ["_value"])'


def count_per_day(measurement: str, field: str) -> str:
    """The same per day (UTC) that has any; ``_time`` is the day's begin, or the range's."""
    return (
        _of_one_series(measurement, field)
        + ' |> aggregateWindow(every: 1d, fn: count, createEmpty: false, timeSrc: "_start")'
        ' |> keep(columns: ["_time", "_value"])'
    )


def longer_steps(measurement: str, field: str) -> str:
    """Where two values of a series are further apart than `length_ms`: time of the later, milliseconds between."""
    return (
        _of_one_series(measurement, field)
        + ' |> keep(columns: ["_time"]) |> elapsed(unit: 1ms) |> filter(fn: (r) => r.elapsed > length_ms)'
    )


def newest_of_all(measurement: str, field: str) -> str:
    """The newest value of a field of each symbol."""
    return _of_every_series(measurement, field) + ' |> last() |> keep(columns: ["symbol", "_time", "_value"])'


def count_of_all(measurement: str, field: str) -> str:
    """How many values of a field there are, one row per series."""
    return _of_every_series(measurement, field) + ' |> count() |> keep(columns: ["_value"])'


def of_field(measurement: str, field: str, tag: str | None) -> str:
    """All values of a field, one table per value of the tag."""
    columns = ", ".join(f'"{column}"' for column in ([tag] if tag else []) + ["_time", "_value"])
    return _of_every_series(measurement, field) + f" |> keep(columns: [{columns}])"


def count_of_measurement(measurement: str) -> str:
    """How many values a measurement has, one row per series."""
    return f'{_FROM} |> filter(fn: (r) => r._measurement == "{measurement}") |> count() |> keep(columns: ["_value"])'


def states(measurement: str, field: str, symbols_of_ranges: Sequence[int]) -> str:
    """Number and sum of a field's values, for several ranges of several symbols each.

    Range N goes from `begin_N` to `middle_N` and from there on, for the symbols `symbol_N_0`, `symbol_N_1`, …; its
    results are named ``count_inside_N``, ``sum_inside_N``, ``count_beyond_N``, ``sum_beyond_N``, a row per symbol.
    """
    parts = []
    for number, symbols in enumerate(symbols_of_ranges):
        named = " or ".join(f"r.symbol == symbol_{number}_{place}" for place in range(symbols))
        series = (
            f'r._measurement == "{measurement}" and r.interval == interval_{number} and ({named})'
            f' and r._field == "{field}"'
        )
        for place, bounds in (
            ("inside", f"start: begin_{number}, stop: middle_{number}"),
            ("beyond", f"start: middle_{number}, stop: end"),
        ):
            parts += [
                f"from(bucket: bucket) |> range({bounds}) |> filter(fn: (r) => {series}) |> {sum_or_count}()"
                f' |> keep(columns: ["symbol", "_value"]) |> yield(name: "{sum_or_count}_{place}_{number}")'
                for sum_or_count in ("count", "sum")
            ]
    return "\n".join(parts)
