"""Metadata reads as a trader reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest

from trading_platform.defs.tables import age, as_table, utc

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (42.9, "42 s"),
        (59.999, "59 s"),
        (60, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (-42, "-42 s"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_moments() -> None:
    assert utc(NOW) == "2025-03-01 12:00:00"
    assert utc(None) == "—"


def test_values_become_text() -> None:
    table = as_table([{"at": NOW, "rate": 1 / 3, "money": Decimal("84.540"), "nothing": None}])

    [record] = table.records
    assert isinstance(record, dg.TableRecord)
    assert record.data == {
        "at": "2025-03-01 12:00:00",
        "rate": "0.33333333",
        "money": "84.54",
        "nothing": "None",
    }


def test_no_rows_are_an_empty_table() -> None:
    assert as_table([]).records == []
