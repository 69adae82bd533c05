"""Answers to queries: InfluxDB's annotated CSV, as https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


class QueryFailed(Exception):
    """The server began to answer and then gave up; the message is its own."""


@dataclass
class Table:
    """Rows of one shape, as text.

    Parameters
    ----------
    result
        Name that the query gave by ``yield``; ``_result`` without.
    """

    result: str
    columns: dict[str, int]
    defaults: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)

    def values(self, *names: str) -> Iterator[tuple[str, ...]]:
        """The named columns of each row; an empty cell is its column's default."""
        places = [self.columns[name] for name in names]
        defaults = [self.defaults[place] if place < len(self.defaults) else "" for place in places]
        for row in self.rows:
            yield tuple(row[place] or default for place, default in zip(places, defaults, strict=True))

    def column(self, name: str) -> list[str]:
        """One column."""
        return [value for (value,) in self.values(name)]


def read_tables(text: str) -> list[Table]:
    """Take an answer apart.

    Raises
    ------
    QueryFailed
        If it holds an error, which may stand after rows that were sent before it happened.
    """
    tables: list[Table] = []
    annotations: dict[str, list[str]] = {}
    table: Table | None = None
    for row in csv.reader(io.StringIO(text, newline="")):
        if not row:
            table = None  # an empty line ends a table; what follows states its columns anew
        elif row[0].startswith("#"):
            if table is not None:
                table, annotations = None, {}
            annotations[row[0]] = row
        elif table is None:
            table = _headed(row, annotations)
            tables.append(table)
            annotations = {}
        else:
            table.rows.append(row)
            if "error" in table.columns:
                raise QueryFailed(row[table.columns["error"]])
    return [each for each in tables if each.rows]


def _headed(header: list[str], annotations: dict[str, list[str]]) -> Table:
    columns = {name: place for place, name in enumerate(header) if name}
    defaults = annotations.get("#default", [])
    place = columns.get("result", len(defaults))
    result = defaults[place] if place < len(defaults) else ""
    return Table(result or "_result", columns, defaults)
