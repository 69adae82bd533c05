"""A record that nothing depends on stops nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_platform.adapters.json_record import JsonRecord


def test_values_are_kept_by_key_and_forgotten(tmp_path: Path) -> None:
    record = JsonRecord(tmp_path / "record.json")
    record.put("a", 1)
    record.put("b", 2)
    record.forget("a")
    assert (record.get("a"), record.get("b")) == (None, 2)


@pytest.mark.parametrize("content", ["", "[]", "7", '{"a": 1'])
def test_what_cannot_be_read_counts_as_empty(tmp_path: Path, content: str) -> None:
    file = tmp_path / "record.json"
    file.write_text(content)
    record = JsonRecord(file)
    assert record.get("a") is None
    record.put("a", 3)
    assert record.get("a") == 3


def test_where_nothing_can_be_written_the_work_goes_on(tmp_path: Path) -> None:
    record = JsonRecord(tmp_path / "no such folder" / "record.json")
    record.put("a", 1)
    assert record.get("a") is None
