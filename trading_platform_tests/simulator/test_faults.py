"""Faults strike where they're aimed, and end by count, by time or when deleted."""

from __future__ import annotations

import pytest

from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.faults import FaultBook


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_count_ends_a_fault() -> None:
    book = FaultBook()
    book.add({"kind": "reject_order", "code": -2010, "count": 2})
    strikes = [book.take("reject_order", symbol="BTCUSDT") is not None for _ in range(3)]
    assert strikes == [True, True, False]


def test_time_ends_a_fault() -> None:
    clock = Clock()
    book = FaultBook(clock)
    book.add({"kind": "outage", "seconds": 5})
    clock.seconds = 4.9
    assert book.find("outage") is not None
    clock.seconds = 5.0
    assert book.find("outage") is None
    assert list(book) == []


def test_deleting_ends_a_fault() -> None:
    book = FaultBook()
    fault = book.add({"kind": "outage"})
    assert book.remove(fault.id)
    assert not book.remove(fault.id)
    assert book.find("outage") is None


@pytest.mark.parametrize(
    ("aim", "stream", "symbol", "struck"),
    [
        ({}, "kline_1m", "BTCUSDT", True),
        ({"stream": "all", "symbol": "all"}, "kline_1m", "BTCUSDT", True),
        ({"stream": "kline"}, "kline_1m", "BTCUSDT", True),
        ({"stream": "kline_1m"}, "kline_5m", "BTCUSDT", False),
        ({"stream": "depth"}, "depth@100ms", "BTCUSDT", True),
        ({"stream": "ticker"}, "miniTicker", "BTCUSDT", False),
        ({"symbol": "BTCUSDT"}, "miniTicker", "BTCUSDT", True),
        ({"symbol": "BTCUSDT"}, "miniTicker", "ETHUSDT", False),
        ({"symbol": "BTCUSDT"}, "miniTicker", None, False),
    ],
)
def test_a_mute_strikes_only_its_aim(aim: dict[str, str], stream: str, symbol: str | None, struck: bool) -> None:
    book = FaultBook()
    book.add({"kind": "mute", **aim})
    assert (book.find("mute", stream=stream, symbol=symbol) is not None) is struck


@pytest.mark.parametrize("endpoint", ["POST /api/v3/order", "/api/v3/order", "trading", "order_placement"])
def test_an_endpoint_is_meant_by_any_of_its_names(endpoint: str) -> None:
    book = FaultBook()
    book.add({"kind": "status", "status": 503, "endpoint": endpoint})
    names = ("POST /api/v3/order", "/api/v3/order", "trading", "order_placement")
    assert book.take_for_endpoint("status", names) is not None
    assert book.take_for_endpoint("status", ("GET /api/v3/time", "/api/v3/time", "market")) is None


def test_losing_answers_means_order_placement_unless_said_otherwise() -> None:
    book = FaultBook()
    book.add({"kind": "lose_answer"})
    assert book.take_for_endpoint("lose_answer", ("GET /api/v3/order", "trading")) is None
    assert book.take_for_endpoint("lose_answer", ("POST /api/v3/order", "order_placement")) is not None


def test_skews_add_up() -> None:
    book = FaultBook()
    book.add({"kind": "clock_skew", "skew_ms": 3000})
    book.add({"kind": "clock_skew", "skew_ms": -500})
    assert book.skew_ms() == 2500


@pytest.mark.parametrize(
    ("request_body", "complaint"),
    [
        ({"kind": "meteor"}, "kind must be one of"),
        ({"kind": "mute", "sumbol": "BTCUSDT"}, "unknown field 'sumbol'"),
        ({"kind": "malformed", "shape": "round"}, "shape of 'malformed' must be one of"),
        ({"kind": "status", "status": 200}, "status must be between"),
        ({"kind": "outage", "seconds": "soon"}, "not a number"),
        ({"kind": "partial_fill", "fraction": "1.5"}, "fraction must be"),
        ({"kind": "mute", "symbol": "BTC/USDT"}, "symbol must be a symbol such as"),
        ({"kind": "mute", "symbol": 1}, "symbol must be a symbol such as"),
        ({"kind": "status", "status": 500, "endpoint": "orders"}, "endpoint must be a path"),
        ({"kind": "freeze", "channel": "tcp"}, "channel must be one of"),
    ],
)
def test_a_bad_request_is_refused_clearly(request_body: dict[str, object], complaint: str) -> None:
    with pytest.raises(ExchangeError, match=complaint):
        FaultBook().add(request_body)
