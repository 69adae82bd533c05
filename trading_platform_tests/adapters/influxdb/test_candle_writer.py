"""Candles and the gaps that they fill are several points: a crash may come between them."""

from __future__ import annotations

from trading_platform.adapters.influxdb.points import candle_line
from trading_platform.adapters.influxdb.series_store import InfluxSeriesStore
from trading_platform.domain.candle import Gap
from trading_platform.ports.series_store import CandleWrite
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes


def test_a_gap_that_a_crash_left_beside_its_candles_ends_when_they_are_written_again(store: InfluxSeriesStore) -> None:
    gap = Gap(minutes(10), minutes(11), 2)
    store.record_gaps(SYMBOL, MINUTE, [gap], start=minutes(10), end=minutes(12), confirmed_at=START)
    late = [candle(10), candle(11)]
    points = [candle_line(SYMBOL, MINUTE, each, source="rest", received_at=START, revision=0) for each in late]
    store.connection.write("market", points)

    written = store.write_candles(SYMBOL, MINUTE, late, source="rest", received_at=START)

    assert written == CandleWrite(unchanged=2)
    assert store.known_gaps(SYMBOL, MINUTE) == []
