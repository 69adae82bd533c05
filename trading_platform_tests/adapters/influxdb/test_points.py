"""The form of the points: what may change is a field, so that the same candle is the same point."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.adapters.influxdb.points import (
    candle_line,
    candle_of,
    candle_text,
    gap_line,
    gap_of,
    indicator_line,
    indicators_of,
    metric_line,
    milliseconds,
    ticker_line,
    ticker_of,
)
from trading_platform.domain.candle import Candle, Gap
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx.line_protocol import ParsedPoint, parse_lines


def parsed(line: str) -> ParsedPoint:
    [point] = parse_lines(line, "ms")
    return point


def line(written: Candle, source: str = "rest", revision: int = 0, received: float = 0) -> str:
    return candle_line(SYMBOL, MINUTE, written, source=source, received_at=minutes(received), revision=revision)


def test_only_the_series_is_in_the_tags() -> None:
    point = parsed(line(candle(3)))
    assert point.tags == (("interval", "1m"), ("symbol", SYMBOL))
    assert set(point.fields) == {
        *("open", "high", "low", "close", "volume"),
        *("exact", "source", "received_at", "revision"),
    }
    assert point.time == milliseconds(minutes(3)) * 1_000_000


def test_a_correction_is_the_same_point() -> None:
    first = parsed(line(candle(3)))
    corrected = parsed(line(candle(3, "1.5"), source="stream", revision=1, received=9))
    assert (first.measurement, first.tags, first.time) == (corrected.measurement, corrected.tags, corrected.time)
    assert first.fields.keys() == corrected.fields.keys()  # so nothing of the first one is left


def test_whole_numbers_are_floats_so_that_the_field_keeps_its_type() -> None:
    whole = replace(candle(), open=Decimal(85_000), volume=Decimal(0))
    fields = parsed(line(whole)).fields
    assert (fields["open"], fields["volume"]) == (85_000.0, 0.0)
    assert all(isinstance(fields[name], float) for name in ("open", "high", "low", "close", "volume"))
    indicator = parsed(indicator_line(SYMBOL, MINUTE, START, {"rsi_14": 50}))
    assert isinstance(indicator.fields["rsi_14"], float)


@pytest.mark.parametrize("price", ["1E-18", "0.10", "123456789012345678.000000000000000001", "1E+3", "-0.0"])
def test_every_digit_comes_back(price: str) -> None:
    number = Decimal(price)
    written = Candle(START, number, number, number, number, number)
    text = parsed(line(written)).fields["exact"]
    read = candle_of("2025-03-01T00:00:00Z", str(text))
    assert read == written
    assert candle_text(read) == candle_text(written) == text


def test_tickers_come_back_whole() -> None:
    odd = minutes(0) + timedelta(microseconds=123_456)
    ticker = Ticker(SYMBOL, Decimal("1.10"), Decimal("1.30"), Decimal("1.20"), odd, odd, "stream")
    assert ticker_of(SYMBOL, str(parsed(ticker_line(ticker)).fields["exact"])) == ticker


def test_an_empty_row_of_indicators_is_a_row() -> None:
    row = parsed(indicator_line(SYMBOL, MINUTE, START, {"slope": float("nan")})).fields
    assert row.keys() == {"row"}
    assert indicators_of(str(row["row"])) == {}


def test_a_gap_that_is_over_overwrites_the_gap() -> None:
    gap = Gap(minutes(1), minutes(3), 3, minutes(9))
    held, over = (parsed(gap_line(SYMBOL, MINUTE, minutes(1), each)) for each in (gap, None))
    read = gap_of("2025-03-01T00:01:00Z", str(held.fields["gap"]))
    assert read == gap
    assert read is not None
    assert read.confirmed_at == minutes(9)
    assert (held.tags, held.time, held.fields.keys()) == (over.tags, over.time, over.fields.keys())
    assert gap_of("2025-03-01T00:01:00Z", str(over.fields["gap"])) is None


def test_a_metric_is_a_float_field_of_its_name_tagged_with_its_subject() -> None:
    age = parsed(metric_line(MetricPoint(MetricName.PRICE_AGE_SECONDS, 2, START, SYMBOL)))
    assert (age.measurement, age.tags) == ("platform", (("symbol", SYMBOL),))
    assert age.fields == {"price_age_seconds": 2.0}
    assert isinstance(age.fields["price_age_seconds"], float)  # an integer would fix the field's type for ever
    assert parsed(metric_line(MetricPoint(MetricName.ORDERS_IN_FLIGHT, 2, START))).tags == ()
