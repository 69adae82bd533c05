"""Writes of one transaction that are sent in one round trip.

Each is kept as text: SQLAlchemy's own statements would be put together, keyed and partly compiled anew for each order,
which took longer than the server takes to execute them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Table, TextClause, text

_NAME = re.compile(r"(?<!:):(\w+)")


@dataclass(frozen=True)
class Write:
    """A statement, and the values that it names as ``:name``."""

    sql: str
    values: Mapping[str, object]


def insertion(table: Table, row: Mapping[str, object]) -> Write:
    """One more row."""
    return Write(_insert(table.name, tuple(row)), row)


def change(table: Table, key: Mapping[str, object], values: Mapping[str, object]) -> Write:
    """Other values in the row of that key."""
    named = {f"key_{name}": value for name, value in key.items()}
    return Write(_update(table.name, tuple(key), tuple(values)), {**values, **named})


def execute(connection: Connection, writes: Sequence[Write]) -> int:
    """Execute them as one statement; how many rows the last one has written.

    They see the same moment, and go in no order of their own: no row may be written by two of them.
    """
    if not writes:
        return 0
    values = {f"{name}_{place}": value for place, each in enumerate(writes) for name, value in each.values.items()}
    return connection.execute(_joined(tuple(each.sql for each in writes)), values).rowcount


@lru_cache
def _insert(table: str, names: Sequence[str]) -> str:
    columns, values = ", ".join(map(_quoted, names)), ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"


@lru_cache
def _update(table: str, key: Sequence[str], names: Sequence[str]) -> str:
    values = ", ".join(f"{_quoted(name)} = :{name}" for name in names)
    row = " AND ".join(f"{_quoted(name)} = :key_{name}" for name in key)
    return f"UPDATE {table} SET {values} WHERE {row}"


@lru_cache
def _joined(statements: Sequence[str]) -> TextClause:
    *others, last = (_NAME.sub(rf":\1_{place}", each) for place, each in enumerate(statements))
    parts = ", ".join(f"write_{place} AS ({each})" for place, each in enumerate(others))
    return text(f"WITH {parts} {last}" if parts else last)


def _quoted(name: str) -> str:
    return f'"{name}"'
