"""The forms of an answer that the documentation of annotated CSV shows."""

from __future__ import annotations

import pytest

from trading_platform.adapters.influxdb.annotated_csv import QueryFailed, read_tables

TWO_SHAPES = """#datatype,string,long,dateTime:RFC3339,double\r
#group,false,false,false,false\r
#default,prices,,,\r
,result,table,_time,_value\r
,,0,2025-03-01T00:00:00Z,1.5\r
,,0,2025-03-01T00:01:00Z,2\r
\r
#datatype,string,long,dateTime:RFC3339,string,string\r
#group,false,false,false,true,false\r
#default,,,,,none\r
,result,table,_time,_field,_value\r
,words,1,2025-03-01T00:00:00Z,source,"a ""b"", c"\r
,words,1,2025-03-01T00:01:00Z,source,\r
\r
"""


def test_tables_of_different_shapes_are_told_apart() -> None:
    prices, words = read_tables(TWO_SHAPES)
    assert prices.result == "prices"
    assert list(prices.values("_time", "_value")) == [("2025-03-01T00:00:00Z", "1.5"), ("2025-03-01T00:01:00Z", "2")]
    assert words.column("_value") == ['a "b", c', "none"]


def test_a_new_shape_may_follow_without_an_empty_line() -> None:
    assert [len(table.rows) for table in read_tables(TWO_SHAPES.replace("\r\n\r\n", "\r\n"))] == [2, 2]


@pytest.mark.parametrize("text", ["", "\r\n", "#datatype,string\r\n#group,false\r\n#default,\r\n,result\r\n"])
def test_no_rows_no_tables(text: str) -> None:
    assert read_tables(text) == []


@pytest.mark.parametrize("before", ["", TWO_SHAPES])
def test_an_error_anywhere_makes_it_no_answer(before: str) -> None:
    error = "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,gave up,897\r\n"
    with pytest.raises(QueryFailed, match="gave up"):
        read_tables(before + error)
