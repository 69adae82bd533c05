"""Writing annotated CSV, as https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/ describes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading_platform_tests.support.influx.flux_engine import FluxResult, FluxTable, Time


def encode(results: Sequence[FluxResult], error: str = "") -> str:
    """All tables of all results; an `error` that came up on the way stands at the end."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    for result in results:
        shape: object = None
        for number, table in enumerate(result.tables):
            columns = [*table.key, *table.rows[0]]
            kinds = [_datatype(value) for value in (table.key | table.rows[0]).values()]
            if shape != (columns, kinds):
                if shape is not None:
                    buffer.write("\r\n")
                shape = (columns, kinds)
                _annotate(writer, result.name, table, columns, kinds)
            key = [_text(value) for value in table.key.values()]
            for row in table.rows:
                writer.writerow(["", "", number, *key, *(_text(value) for value in row.values())])
        if result.tables:
            buffer.write("\r\n")
    if error:
        writer.writerows([["#datatype", "string", "string"], ["#group", "true", "true"], ["#default", "", ""]])
        writer.writerows([["", "error", "reference"], ["", error, "897"]])
    return buffer.getvalue() or "\r\n"


def _annotate(writer: Any, result: str, table: FluxTable, columns: list[str], kinds: list[str]) -> None:
    writer.writerow(["#datatype", "string", "long", *kinds])
    writer.writerow(["#group", "false", "false", *(str(name in table.key).lower() for name in columns)])
    writer.writerow(["#default", result, *("" for _ in ["table", *columns])])
    writer.writerow(["", "result", "table", *columns])


def _datatype(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Time):
        return "dateTime:RFC3339"
    if isinstance(value, int):
        return "long"
    return "double" if isinstance(value, float) else "string"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Time):
        return _rfc3339(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return str(value)


def _rfc3339(time: int) -> str:
    """To the nanosecond, without the zeros at the end, as the server writes it."""
    seconds, fraction = divmod(time, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"
