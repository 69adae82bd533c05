"""What the adapter writes, read by a second implementation of InfluxDB's line protocol."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.adapters.influxdb.connection import Access, InfluxConnection
from trading_platform.adapters.influxdb.points import (
    candle_line,
    gap_line,
    indicator_line,
    microseconds,
    milliseconds,
    ticker_line,
)
from trading_platform.domain.candle import Candle, Gap
from trading_platform.domain.market import Ticker
from trading_platform_tests.support.examples import MINUTE, START, candle, minutes
from trading_platform_tests.support.victoria_metrics import VictoriaMetrics, find_binary, running_victoria_metrics

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_binary() is None, reason="no VictoriaMetrics here; Debian: apt install victoria-metrics"),
]
_PRICES = ("open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def server() -> Iterator[VictoriaMetrics]:
    """A running server."""
    with running_victoria_metrics(str(find_binary())) as running:
        yield running


@pytest.fixture
def connection(server: VictoriaMetrics) -> Iterator[InfluxConnection]:
    """The adapter's own client, in small batches."""
    made = InfluxConnection(Access(server.url, "none", "none", batch_points=100))
    yield made
    made.close()


def line(symbol: str, written: Candle, revision: int = 0) -> str:
    return candle_line(symbol, MINUTE, written, source="rest", received_at=START, revision=revision)


def test_candles_are_understood_value_by_value(server: VictoriaMetrics, connection: InfluxConnection) -> None:
    many = [candle(minute, f"{84_000 + minute}.12345678") for minute in range(250)]
    connection.write("market", [line("BTC/USDT", each) for each in many])

    held = server.values("BTC/USDT")

    for name in _PRICES:
        assert held[f"candles_{name}"] == {milliseconds(c.open_time): float(getattr(c, name)) for c in many}
    assert set(held["candles_revision"].values()) == {0.0}
    assert set(held["candles_received_at"].values()) == {float(microseconds(START))}


def test_points_written_again_are_the_same_points(server: VictoriaMetrics, connection: InfluxConnection) -> None:
    lines = [line("ETH/USDT", candle(minute)) for minute in range(50)]
    connection.write("market", lines)
    before = server.samples("ETH/USDT")
    connection.write("market", lines)
    assert server.samples("ETH/USDT") == before > 0


@pytest.mark.parametrize("value", ["0.00000001", "123456789.123456789123", "1E+6", "-0.5", "1e-9"])
def test_numbers_of_any_size_are_understood(server: VictoriaMetrics, connection: InfluxConnection, value: str) -> None:
    symbol, number = f"{value}/USDT", Decimal(value)
    connection.write("market", [line(symbol, Candle(START, number, number, number, number, number))])
    held = server.values(symbol)["candles_close"]
    assert held == {milliseconds(START): pytest.approx(float(number), rel=1e-15)}  # it keeps fifteen digits


def test_names_are_escaped(server: VictoriaMetrics, connection: InfluxConnection) -> None:
    for symbol in ("A B/C", "A,B/C", "A=B/C", "Ü/Ø"):
        connection.write("market", [line(symbol, candle())])
        assert server.values(symbol)["candles_close"] == {milliseconds(START): 84705.64}


def test_tickers_indicators_and_gaps_are_understood(server: VictoriaMetrics, connection: InfluxConnection) -> None:
    moment = START + timedelta(milliseconds=7)
    ticker = Ticker("SOL/USDT", Decimal("1.1"), Decimal("1.3"), Decimal("1.2"), moment, START)
    gap = Gap(minutes(5), minutes(6), 2, START)
    connection.write(
        "market",
        [
            ticker_line(ticker),
            indicator_line("SOL/USDT", MINUTE, START, {"macd(12,26,9)": -0.25, "rsi_14": 50, "slope": float("nan")}),
            gap_line("SOL/USDT", MINUTE, minutes(5), gap),
        ],
    )

    held = server.values("SOL/USDT")

    assert held["tickers_last"] == {milliseconds(moment): 1.2}
    assert held["indicators_macd(12,26,9)"] == {milliseconds(START): -0.25}
    assert held["indicators_rsi_14"] == {milliseconds(START): 50.0}
    assert "indicators_slope" not in held
    assert held["candle_gaps_candles"] == {milliseconds(minutes(5)): 2.0}
