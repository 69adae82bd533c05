"""Reading line protocol, as https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from trading_platform_tests.support.influx.refusal import invalid

Value = float | int | str | bool
Kind = Literal["float", "integer", "string", "boolean"]

_KEY = r"(?:[^,= \\]|\\.|\\)+"
_HEAD = re.compile(rf"((?:[^, \\]|\\.|\\)+)((?:,{_KEY}={_KEY})*) ")
_TAG = re.compile(rf",({_KEY})=({_KEY})")
_FIELD = re.compile(rf'({_KEY})=("(?:[^"\\]|\\.)*"|[^, ]+)(,| |$)')
_ESCAPED = re.compile(r"\\([,= ])")
_ESCAPED_IN_STRING = re.compile(r'\\(["\\])')
_NANOSECONDS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True)
class ParsedPoint:
    """One line; the time in nanoseconds since the epoch."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: dict[str, Value]
    time: int


def parse_lines(text: str, precision: str) -> list[ParsedPoint]:
    """All lines of a body; refuses the whole of it for one that is malformed."""
    if precision not in _NANOSECONDS:
        raise invalid(f"invalid precision; valid precision units are ns, us, ms, and s, not {precision!r}")
    return [_point(line, _NANOSECONDS[precision]) for line in text.split("\n") if line and not line.startswith("#")]


def kind_of(value: Value) -> Kind:
    """The type that a field has for good once it has a value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "string" if isinstance(value, str) else "float"


def _point(line: str, unit: int) -> ParsedPoint:
    head = _HEAD.match(line)
    if not head:
        raise invalid(f"unable to parse '{line}': missing fields")
    tags = tuple(sorted((_plain(key), _plain(value)) for key, value in _TAG.findall(head[2])))
    fields: dict[str, Value] = {}
    place = head.end()
    while found := _FIELD.match(line, place):
        fields[_plain(found[1])] = _value(found[2], line)
        place = found.end()
        if found[3] != ",":
            break
    time = line[place:]
    if not fields or not re.fullmatch(r"-?\d+", time):
        raise invalid(f"unable to parse '{line}': bad timestamp or fields")
    return ParsedPoint(_plain(head[1]), tags, fields, int(time) * unit)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _value(text: str, line: str) -> Value:
    if text[0] == '"':
        return _ESCAPED_IN_STRING.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]
    try:
        return int(text[:-1]) if text[-1] == "i" else float(text)
    except ValueError:
        pass
    if text in ("t", "T", "true", "True", "TRUE"):
        return True
    if text in ("f", "F", "false", "False", "FALSE"):
        return False
    raise invalid(f"unable to parse '{line}': invalid number")
