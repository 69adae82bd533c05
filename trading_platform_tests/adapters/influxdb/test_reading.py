"""Long series come in parts, short windows without the history behind them."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from trading_platform.adapters.influxdb import series_reader
from trading_platform.adapters.influxdb.series_store import InfluxSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx import InfluxServer

QUERY = "/api/v2/query"


def write(store: InfluxSeriesStore, *opened: int) -> None:
    store.write_candles(SYMBOL, MINUTE, [candle(n) for n in opened], source="rest", received_at=START)


@pytest.mark.parametrize("opened", [range(100), [*range(25), *range(300, 330), 990], [0, 10, 20], [999]])
def test_a_long_series_is_put_together_of_its_parts(
    store: InfluxSeriesStore, monkeypatch: pytest.MonkeyPatch, opened: list[int]
) -> None:
    monkeypatch.setattr(series_reader, "_ROWS_AT_ONCE", 10)
    write(store, *opened)
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE)] == [minutes(n) for n in opened]
    middle = opened[len(opened) // 2]
    later = [minutes(n) for n in opened if n >= middle]
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE, start=minutes(middle))] == later


def test_the_newest_of_a_whole_series_take_two_questions(server: InfluxServer, store: InfluxSeriesStore) -> None:
    write(store, *range(300))
    before = len(server.requests(QUERY))
    assert len(store.candle_frame(SYMBOL, MINUTE, newest=50)) == 50
    asked = server.requests(QUERY)[before:]
    assert len(asked) == 2
    assert _declared(asked[1].body)["begin"] == minutes(250)


def test_only_one_field_is_read(server: InfluxServer, store: InfluxSeriesStore) -> None:
    write(store, *range(5))
    before = len(server.requests(QUERY))
    store.candles(SYMBOL, MINUTE, start=minutes(0), end=minutes(5))
    for request in server.requests(QUERY)[before:]:
        query = json.loads(request.body)["query"]
        assert query.count("r._field ==") == 1
        assert "keep(columns:" in query


def _declared(body: bytes) -> dict[str, datetime]:
    statements = json.loads(body)["extern"]["body"]
    inits = {each["assignment"]["id"]["name"]: each["assignment"]["init"] for each in statements}
    return {
        name: datetime.fromisoformat(init["value"]) for name, init in inits.items() if init["type"] == "DateTimeLiteral"
    }
