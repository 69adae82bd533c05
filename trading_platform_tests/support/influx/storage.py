"""What the stand-in remembers: organisations, buckets, series of values, tasks."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from trading_platform_tests.support.influx.line_protocol import Kind, ParsedPoint, Value, kind_of
from trading_platform_tests.support.influx.refusal import Refusal, invalid, not_found

_SECOND = 1_000_000_000
_PREDICATE = re.compile(r'"?([\w.]+)"?\s*=\s*"((?:[^"\\]|\\.)*)"')

SeriesKey = tuple[str, tuple[tuple[str, str], ...], str]  # measurement, tags, field


class Series:
    """The values of one field, by time (ns)."""

    def __init__(self) -> None:
        self.values: dict[int, Value] = {}
        self._times: list[int] = []
        self._is_sorted = True

    def put(self, time: int, value: Value) -> None:
        """Replace what is at that time."""
        if time not in self.values:
            self._is_sorted = self._is_sorted and (not self._times or self._times[-1] < time)
            self._times.append(time)
        self.values[time] = value

    def between(self, start: int, stop: int) -> list[int]:
        """Times with start <= time < stop, ascending."""
        if not self._is_sorted:
            self._times.sort()
            self._is_sorted = True
        return self._times[bisect_left(self._times, start) : bisect_left(self._times, stop)]

    def drop(self, start: int, stop: int) -> None:
        """Delete what is there from `start` to `stop`, both included."""
        for time in self.between(start, stop + 1):
            del self.values[time]
        self._times = sorted(self.values)


@dataclass
class Bucket:
    """A bucket with its points."""

    id: str
    name: str
    org_id: str
    rules: list[dict[str, Any]]
    series: dict[SeriesKey, Series] = field(default_factory=dict)
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)

    def write(self, points: Sequence[ParsedPoint], now: int) -> None:
        """Take what can be taken; what can't is dropped and told, the rest stays (a partial write)."""
        keep = int(self.rules[0]["everySeconds"]) * _SECOND if self.rules else 0
        self._refuse_new_fields_of_two_types(points)
        too_old = conflicting = 0
        reason = ""
        for point in points:
            if keep and point.time < now - keep:
                too_old += 1
                continue
            odd = self._conflict(point)
            if odd:
                conflicting, reason = conflicting + 1, odd
                continue
            for name, value in point.fields.items():
                self.series.setdefault((point.measurement, point.tags, name), Series()).put(point.time, value)
        if too_old:
            reason = "points beyond retention policy"
        if too_old or conflicting:
            raise Refusal(
                422,
                "unprocessable entity",
                f"failure writing points to database: partial write: {reason} dropped={too_old + conflicting}",
            )

    def _refuse_new_fields_of_two_types(self, points: Sequence[ParsedPoint]) -> None:
        """One that is there already is a partial write; a new one breaks the whole batch, as if the server were ill."""
        new: dict[tuple[str, str], Kind] = {}
        for point in points:
            for name, value in point.fields.items():
                key = point.measurement, name
                if key not in self.kinds and new.setdefault(key, kind_of(value)) != kind_of(value):
                    why = "unexpected error writing points to database: field type conflict"
                    raise Refusal(500, "internal error", why)

    def _conflict(self, point: ParsedPoint) -> str:
        for name, value in point.fields.items():
            kind = kind_of(value)
            held = self.kinds.setdefault((point.measurement, name), kind)
            if held != kind:
                return (
                    f'field type conflict: input field "{name}" on measurement "{point.measurement}" is type {kind},'
                    f" already exists as type {held}"
                )
        return ""

    def delete(self, start: int, stop: int, predicate: str) -> None:
        """Delete the points of the series that fit: tags and measurement, joined by AND."""
        wanted = dict(_PREDICATE.findall(predicate))
        if "_field" in wanted:
            raise Refusal(501, "not implemented", "delete by field is not supported")
        if len(wanted) != predicate.count("=") or " OR " in predicate:
            raise invalid(f"the delete predicate {predicate!r} can't be served")
        for (measurement, tags, _), series in self.series.items():
            if wanted.items() <= ({"_measurement": measurement} | dict(tags)).items():
                series.drop(start, stop)

    def as_json(self) -> dict[str, Any]:
        """As the server describes it."""
        return {
            "id": self.id,
            "orgID": self.org_id,
            "type": "user",
            "name": self.name,
            "retentionRules": self.rules,
            "labels": [],
        }


class Storage:
    """Everything, behind one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.orgs: dict[str, str] = {}  # id by name
        self.buckets: dict[str, Bucket] = {}  # by id
        self.tasks: dict[str, dict[str, Any]] = {}  # by id
        self._ids = (f"{number:016x}" for number in count(0x0A11CE0000000000))

    def new_id(self) -> str:
        """Sixteen hexadecimal digits."""
        return next(self._ids)

    def org_id(self, name: str) -> str:
        """The organisation of that name."""
        if name not in self.orgs:
            raise not_found(f'organization name "{name}" not found')
        return self.orgs[name]

    def bucket(self, org_id: str, name: str) -> Bucket | None:
        """The bucket of that name."""
        return next(self.buckets_of(org_id, name), None)

    def buckets_of(self, org_id: str | None, name: str | None) -> Iterator[Bucket]:
        """Buckets that fit."""
        for bucket in self.buckets.values():
            if (org_id is None or bucket.org_id == org_id) and (name is None or bucket.name == name):
                yield bucket
