"""Running those pipelines over the stored series, as the documentation of each function says."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from trading_platform_tests.support.influx.flux_parser import (
    Array,
    Call,
    Comparison,
    Duration,
    Expression,
    Function,
    Junction,
    Literal,
    Member,
    Name,
    parse,
)
from trading_platform_tests.support.influx.refusal import Refusal, invalid, not_found
from trading_platform_tests.support.influx.storage import Series, Storage

_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ALL = slice(None)
Row = dict[str, Any]


class Time(int):
    """Nanoseconds since the epoch, told apart from a number."""


@dataclass
class FluxTable:
    """Rows that share a group key; the columns of the key aren't repeated in the rows."""

    key: Row
    rows: list[Row] = field(default_factory=list)
    series: Series | None = None


@dataclass
class FluxResult:
    """What one pipeline yields."""

    name: str
    tables: list[FluxTable]


def run(text: str, variables: dict[str, Any], storage: Storage, org_id: str) -> list[FluxResult]:
    """All results of a query.

    Raises
    ------
    Refusal
        If it doesn't compile, or names a bucket that isn't there.
    """
    results = []
    for pipeline in parse(text):
        engine = _Pipeline(variables, storage, org_id)
        for call in pipeline:
            engine.apply(call)
        results.append(FluxResult(engine.name, engine.finished()))
    names = [result.name for result in results]
    if len(set(names)) < len(names):
        raise invalid(f'error calling function "yield": tried to produce more than one result with the name {names}')
    return results


class _Pipeline:
    def __init__(self, variables: dict[str, Any], storage: Storage, org_id: str) -> None:
        self._variables = variables
        self._storage = storage
        self._org_id = org_id
        self._tables: list[FluxTable] = []
        self.name = "_result"

    def apply(self, call: Call) -> None:
        """One step."""
        step = getattr(self, f"_do_{call.name.lower()}", None)
        if step is None:
            raise invalid(f"compilation failed: error: undefined identifier {call.name}")
        step(**call.arguments)

    def finished(self) -> list[FluxTable]:
        """The tables that have rows."""
        self._load()
        return [table for table in self._tables if table.rows]

    def _load(self, needed: slice = _ALL) -> None:
        """Read the rows of series that no filter has left out; only those `needed` of each."""
        for table in self._tables:
            series = table.series
            if series is not None:
                if "_start" not in table.key:
                    raise invalid("cannot submit unbounded read; try bounding it with a call to range")
                times = series.between(table.key["_start"], table.key["_stop"])[needed]
                table.rows = [{"_time": Time(time), "_value": series.values[time]} for time in times]
                table.series = None
        self._tables = [table for table in self._tables if table.rows]

    def _value(self, expression: Expression, row: Row | None = None) -> Any:
        match expression:
            case Literal(value):
                return value
            case Name(name):
                if name not in self._variables:
                    raise invalid(f"compilation failed: error: undefined identifier {name}")
                return self._variables[name]
            case Member(column):
                return (row or {}).get(column)
            case Duration(text):
                digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
                return int(digits) * _UNITS[text[len(digits) :]]
            case Array(items):
                return [self._value(item, row) for item in items]
            case Comparison(sign, left, right):
                return _compare(sign, self._value(left, row), self._value(right, row))
            case Junction(word, parts):
                decided = all if word == "and" else any
                return decided(self._value(part, row) for part in parts)
        raise invalid(f"compilation failed: unexpected {expression}")

    def _do_from(self, bucket: Expression) -> None:
        name = self._value(bucket)
        found = self._storage.bucket(self._org_id, name)
        if found is None:
            raise not_found(f'failed to initialize execute state: could not find bucket "{name}"')
        for (measurement, tags, field_name), series in found.series.items():
            key: Row = {"_field": field_name, "_measurement": measurement, **dict(tags)}
            self._tables.append(FluxTable(key, series=series))

    def _do_range(self, start: Expression, stop: Expression) -> None:
        bounds = {"_start": self._value(start), "_stop": self._value(stop)}
        if not all(isinstance(bound, Time) for bound in bounds.values()):
            raise invalid('error calling function "range": expected a time')
        if bounds["_start"] >= bounds["_stop"]:
            raise invalid("error in building plan while starting program: cannot query an empty range")
        for table in self._tables:
            table.key = bounds | table.key

    def _do_filter(self, fn: Expression) -> None:
        assert isinstance(fn, Function)
        kept = []
        for table in self._tables:
            if _columns(fn.body) <= table.key.keys():
                kept += [table] if self._value(fn.body, table.key) else []
            elif table.series is None:
                table.rows = [row for row in table.rows if self._value(fn.body, table.key | row)]
                kept.append(table)
            elif self._value(fn.body, table.key):
                raise invalid("the stand-in filters values of the store only after another step")
        self._tables = kept

    def _do_keep(self, columns: Expression) -> None:
        self._load()
        wanted = set(self._value(columns))
        merged: dict[tuple[tuple[str, Any], ...], FluxTable] = {}
        for table in self._tables:
            key = {name: value for name, value in table.key.items() if name in wanted}
            rows = [{name: value for name, value in row.items() if name in wanted} for row in table.rows]
            same = merged.setdefault(tuple(sorted(key.items())), FluxTable(key))
            _require_same_types(same.rows[:1], rows[:1])
            same.rows += rows
        self._tables = list(merged.values())

    def _do_last(self) -> None:
        self._load(slice(-1, None))
        self._replace(lambda rows: rows[-1:])

    def _do_first(self) -> None:
        self._load(slice(1))
        self._replace(lambda rows: rows[:1])

    def _do_count(self) -> None:
        self._load()
        self._replace(lambda rows: [{"_value": len(rows)}])

    def _do_sum(self) -> None:
        self._load()
        self._replace(lambda rows: [{"_value": sum(row["_value"] for row in rows)}])

    def _replace(self, chosen: Callable[[list[Row]], list[Row]]) -> None:
        for table in self._tables:
            table.rows = chosen(table.rows)

    def _do_aggregatewindow(self, every: Expression, fn: Expression, **how: Expression) -> None:
        if fn != Name("count") or [self._value(how[name]) for name in ("createEmpty", "timeSrc")] != [False, "_start"]:
            raise invalid("the stand-in counts in windows, without empty ones, by their start")
        self._load()
        length = self._value(every)
        for table in self._tables:
            counts: dict[int, int] = {}
            for row in table.rows:
                begin = max(row["_time"] // length * length, table.key["_start"])
                counts[begin] = counts.get(begin, 0) + 1
            table.rows = [{"_time": Time(begin), "_value": number} for begin, number in counts.items()]

    def _do_elapsed(self, unit: Expression) -> None:
        self._load()
        length = self._value(unit)
        for table in self._tables:
            times = [row["_time"] for row in table.rows]
            steps = zip(times, table.rows[1:], strict=False)
            table.rows = [row | {"elapsed": (row["_time"] - earlier) // length} for earlier, row in steps]

    def _do_yield(self, name: Expression) -> None:
        self.name = str(self._value(name))


def _compare(sign: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        return False  # null compares with nothing
    if type(left) is not type(right):
        raise invalid(f"compilation failed: error: type conflict: {type(left).__name__} != {type(right).__name__}")
    return _SIGNS[sign](left, right)


def _columns(expression: Expression) -> set[str]:
    match expression:
        case Member(column):
            return {column}
        case Comparison(_, left, right):
            return _columns(left) | _columns(right)
        case Junction(_, parts):
            return set().union(*map(_columns, parts))
    return set()


def _require_same_types(held: Iterable[Row], added: Iterable[Row]) -> None:
    for row in held:
        for other in added:
            for name in row.keys() & other.keys():
                if type(row[name]) is not type(other[name]):
                    raise Refusal(
                        400,
                        "invalid",
                        f'schema collision detected: column "{name}" is both of type {type(row[name]).__name__} and '
                        f"{type(other[name]).__name__}",
                    )
