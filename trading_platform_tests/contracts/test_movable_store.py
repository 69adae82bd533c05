"""What a move may rely on in every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Candle
from trading_platform.ports.movable_store import Arrived, CandleRecord, MovableStore
from trading_platform.ports.series_store import CandleRange, RangeVersion
from trading_platform_tests.contracts.conftest import SERIES_STORES
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx.sites import INFLUX_SITES

EVERYTHING = {"start": START, "end": minutes(10_000)}
LATER = START + timedelta(microseconds=1)


@pytest.fixture(params=["fake", "postgres", *INFLUX_SITES])
def movable(request: pytest.FixtureRequest) -> MovableStore:
    """An empty store."""
    return SERIES_STORES[request.param](request)  # type: ignore[return-value]


def write(store: MovableStore, *candles: Candle, source: str = "rest") -> None:
    store.write_candles(SYMBOL, MINUTE, candles, source=source, received_at=LATER)


def test_a_candle_is_told_with_where_it_came_from_and_when(movable: MovableStore) -> None:
    assert movable.candle_records(SYMBOL, MINUTE, **EVERYTHING) == []
    write(movable, candle(0), candle(1, "84705.640000000000000001"), source="stream")
    assert movable.candle_records(SYMBOL, MINUTE, start=minutes(1), end=minutes(2)) == [
        CandleRecord(Arrived(candle(1, "84705.640000000000000001"), "stream", LATER), 0)
    ]


def test_what_a_candle_was_is_told_with_each_correction(movable: MovableStore) -> None:
    for close, source in (("1", "stream"), ("2", "rest"), ("2", "archive"), ("3", "archive")):
        write(movable, candle(0, close), candle(1), source=source)
    first, second = movable.candle_records(SYMBOL, MINUTE, **EVERYTHING)
    assert first == CandleRecord(
        Arrived(candle(0, "3"), "archive", LATER),
        2,
        ((0, Arrived(candle(0, "1"), "stream", LATER)), (1, Arrived(candle(0, "2"), "rest", LATER))),
    )
    assert second == CandleRecord(Arrived(candle(1), "stream", LATER), 0)


def test_records_are_kept_as_they_are(movable: MovableStore) -> None:
    was = (0, Arrived(candle(0, "1"), "stream", LATER)), (3, Arrived(candle(0, "2"), "rest", START))
    records = [
        CandleRecord(Arrived(candle(0, "9"), "archive", START), 4, was),
        CandleRecord(Arrived(candle(5, "0.000000000000000000001"), "aggregated", LATER), 0),
    ]
    write(movable, candle(0, "7"), candle(3))  # one is replaced without being a correction, one stays
    for _ in range(2):
        movable.take_records(SYMBOL, MINUTE, records)
        there = movable.candle_records(SYMBOL, MINUTE, **EVERYTHING)
        assert [there[0], there[2]] == records
        assert there[1].now.candle == candle(3)
        [version] = movable.versions([CandleRange(SYMBOL, MINUTE, START, minutes(9))])
        assert version.inside == RangeVersion(3, 4)
    assert movable.sources(SYMBOL, MINUTE, start=START, end=minutes(1)) == {START: "archive"}
    write(movable, candle(0, "10"))
    corrected = movable.candle_records(SYMBOL, MINUTE, **EVERYTHING)[0]
    assert (corrected.revision, corrected.earlier) == (5, (*was, (4, records[0].now)))


def test_many_records_arrive(movable: MovableStore) -> None:
    arrived = Arrived(candle(0), "rest", LATER)
    records = [
        CandleRecord(replace(arrived, candle=replace(candle(minute), volume=Decimal(minute))), 0)
        for minute in range(2_500)
    ]
    movable.take_records(SYMBOL, MINUTE, records)
    movable.take_records(SYMBOL, MINUTE, [])
    assert movable.candle_records(SYMBOL, MINUTE, **EVERYTHING) == records
