"""Binance's messages are read exactly, or not at all."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.adapters.ccxt_exchange.binance_events import Goodbye, Refused, read_message, stream_names
from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.stream_event import BookTop, CandleUpdate, TradePrint
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL

SYMBOLS = {"BTCUSDT": SYMBOL}
OPEN_MS = int(START.timestamp() * 1000)
TOP = {"u": 7, "s": "BTCUSDT", "b": "84705.63000000", "B": "1.0", "a": "84705.64000000", "A": "2.0"}
TRADE = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 12, "p": "84705.64000000", "q": "0.1", "T": 1, "m": True}
KLINE = {
    "e": "kline",
    "E": OPEN_MS + 60_000,
    "s": "BTCUSDT",
    "k": {
        "t": OPEN_MS,
        "T": OPEN_MS + 59_999,
        "s": "BTCUSDT",
        "i": "1m",
        "o": "84705.10000000",
        "c": "84705.64000000",
        "h": "84706.00000000",
        "l": "84705.00000000",
        "v": "1.23456000",
        "n": 9,
        "x": True,
    },
}


def read(message: Any) -> Any:
    return read_message(message, SYMBOLS, START)


def test_each_event_is_exact() -> None:
    assert read(TOP) == BookTop(SYMBOL, Decimal("84705.63"), Decimal("84705.64"), START, 7)
    assert read(TRADE) == TradePrint(SYMBOL, Decimal("84705.64"), START, 12)
    candle = Candle(START, *map(Decimal, ("84705.1", "84706", "84705", "84705.64", "1.23456")))
    assert read(KLINE) == CandleUpdate(SYMBOL, MINUTE, candle, True, START)
    assert str(read(TRADE).price) == "84705.64000000"


def test_a_wrapped_message_is_the_same() -> None:
    assert read({"stream": "btcusdt@bookTicker", "data": TOP}) == read(TOP)


def test_a_candle_is_closed_only_when_the_exchange_says_so() -> None:
    in_progress = copy.deepcopy(KLINE)
    in_progress["k"]["x"] = False  # type: ignore[index]
    assert read(in_progress).is_closed is False

    del in_progress["k"]["x"]  # type: ignore[attr-defined]
    with pytest.raises(MalformedAnswer, match="closed"):
        read(in_progress)


def test_what_is_no_data_is_no_event() -> None:
    assert read({"result": None, "id": 3}) is None
    assert read({"e": "serverShutdown", "E": 1}) == Goodbye()
    assert read({"error": {"code": 2, "msg": "Invalid request"}, "id": 3}) == Refused("code 2: Invalid request")


@pytest.mark.parametrize(
    "message",
    [
        [],
        "",
        "<html></html>",
        None,
        {},
        {"e": "24hrMiniTicker", "E": 0, "c": "0"},
        {**TOP, "s": "DOGEUSDT"},
        {**TOP, "b": 84705.63},
        {**TOP, "b": "84705.63000001", "a": "84705.63"},
        {**TOP, "b": "0"},
        {**TOP, "b": "NaN"},
        {**TOP, "u": "7"},
        {**TRADE, "p": "-1"},
        {**TRADE, "p": None},
        {**TRADE, "e": "aggTrade"},
        {**KLINE, "k": None},
        {**KLINE, "k": {**KLINE["k"], "h": "1"}},  # type: ignore[dict-item]
        {**KLINE, "k": {**KLINE["k"], "t": OPEN_MS + 1}},  # type: ignore[dict-item]
        {**KLINE, "k": {**KLINE["k"], "i": "7m"}},  # type: ignore[dict-item]
        {**KLINE, "k": {**KLINE["k"], "o": 84705.1}},  # type: ignore[dict-item]
        {"stream": "btcusdt@trade", "data": []},
    ],
)
def test_what_cannot_be_read_exactly_is_malformed(message: Any) -> None:
    with pytest.raises(MalformedAnswer):
        read(message)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("esbaukptixohlcv"), inner, max_size=6),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([TOP, TRADE, KLINE]), st.sampled_from([*TOP, *TRADE, *KLINE]))
def test_nothing_else_is_ever_raised(value: Any, message: dict[str, Any], name: str) -> None:
    for broken in (value, {**message, name: value}, {**KLINE, "k": value}):
        try:
            read(broken)
        except MalformedAnswer:
            continue


def test_everything_of_a_symbol_is_asked_for() -> None:
    assert stream_names("BTCUSDT", (MINUTE, Interval.parse("1h"))) == [
        "btcusdt@bookTicker",
        "btcusdt@trade",
        "btcusdt@kline_1m",
        "btcusdt@kline_1h",
    ]
