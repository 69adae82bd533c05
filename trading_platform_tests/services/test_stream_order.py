"""Events that come twice or late are told apart from new ones."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.stream_event import BookTop, CandleUpdate, TradePrint
from trading_platform.services.stream_order import Novelty, StreamOrder
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle

NEW, DUPLICATE, LATE = Novelty.NEW, Novelty.DUPLICATE, Novelty.OUT_OF_ORDER


def _top(number: int | None) -> BookTop:
    return BookTop(SYMBOL, Decimal(1), Decimal(2), START, number)


def _trade(number: int) -> TradePrint:
    return TradePrint(SYMBOL, Decimal(1), START, number)


def _candle(minute: int, *, is_closed: bool, close: str = "84705.64") -> CandleUpdate:
    return CandleUpdate(SYMBOL, MINUTE, candle(minute, close), is_closed, START)


def test_numbered_events_are_told_by_their_numbers() -> None:
    order = StreamOrder()

    assert [order.judge(_trade(number)) for number in (5, 6, 6, 5, 9)] == [NEW, NEW, DUPLICATE, LATE, NEW]
    assert [order.judge(_top(number)) for number in (5, 4, 6)] == [NEW, LATE, NEW]


def test_what_has_no_number_is_new() -> None:
    order = StreamOrder()

    assert [order.judge(_top(None)) for _ in range(3)] == [NEW, NEW, NEW]


def test_a_new_connection_may_begin_to_count_anew() -> None:
    order = StreamOrder()
    order.judge(_top(900))
    order.forget()

    assert order.judge(_top(3)) is NEW


def test_a_closed_candle_may_come_once() -> None:
    order = StreamOrder()
    events = [
        _candle(0, is_closed=False),
        _candle(1, is_closed=False),
        _candle(0, is_closed=True),
        _candle(0, is_closed=True),
        _candle(1, is_closed=True),
        _candle(0, is_closed=True),
        _candle(1, is_closed=False),
        _candle(2, is_closed=False),
    ]

    assert [order.judge(event) for event in events] == [NEW, NEW, NEW, DUPLICATE, NEW, LATE, LATE, NEW]


def test_a_corrected_candle_is_new() -> None:
    order = StreamOrder()
    order.judge(_candle(0, is_closed=True))

    assert order.judge(_candle(0, is_closed=True, close="84706")) is NEW
