"""The harness sees what is wrong: a judge that overlooks a lost row would make every fault look harmless."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Candle
from trading_platform.domain.market import Ticker
from trading_platform.domain.stream import StreamChange, StreamState
from trading_platform_tests.faults.data_outcome import judge
from trading_platform_tests.faults.data_path import ClockVerdict, Look, Pace, Record, StoredCandle, Tick
from trading_platform_tests.faults.data_scenarios import CLOCK_AHEAD, EVERY, MUTE_ALL

FAULT = datetime(2025, 3, 1, 12, tzinfo=UTC)
OPENS = [FAULT + timedelta(minutes=minute) for minute in range(3)]


def _after(seconds: float) -> datetime:
    return FAULT + timedelta(seconds=seconds)


def _candle(open_time: datetime, close: int = 5) -> Candle:
    return Candle(open_time, Decimal(5), Decimal(6), Decimal(4), Decimal(close), Decimal(1))


def _look(seconds: float, price_at: float) -> Look:
    price = Decimal(5)
    tickers = {symbol: Ticker(symbol, price, price, price, FAULT, _after(price_at)) for symbol in EVERY}
    return Look(_after(seconds), tickers, {}, None)


@pytest.fixture
def record() -> Record:
    """Noticed after 10 s, served by REST 4 s later, and live again 2 s after the fault's end at 30 s."""
    path = ((10, StreamState.LIVE, StreamState.STALE), (32, StreamState.STALE, StreamState.LIVE))
    return Record(
        fault_at=FAULT,
        fault_ended_at=_after(30),
        looks=[_look(0, -1), _look(13, -1), _look(14, 13.9), _look(33, 32.5)],
        ticks=[Tick(_after(40), _after(41), (), True, 0)],
        clock_verdicts=[],
        changes=[StreamChange(symbol, before, after, "", _after(at)) for at, before, after in path for symbol in EVERY],
        stored={symbol: {at: StoredCandle(_candle(at), "stream", at) for at in OPENS} for symbol in EVERY},
        published={symbol: {at: _candle(at) for at in OPENS} for symbol in EVERY},
        stored_rows=9,
        corrections=0,
        silence_until=None,
        has_recovered=True,
    )


def test_times_are_those_of_the_slowest_symbol(record: Record) -> None:
    outcome = judge(MUTE_ALL, Pace(), record)

    assert (outcome.detection_seconds, outcome.fresh_seconds, outcome.live_again_seconds) == (10, 4, 2)
    assert (outcome.oldest_price_seconds, outcome.whole_seconds) == (14, 11)
    assert outcome.problems == []


def test_the_clock_is_noticed_by_whoever_judges_it_first(record: Record) -> None:
    ticks = [Tick(_after(at), _after(at + 1), (), False, 0) for at in (9, 24)]
    verdicts = [ClockVerdict(_after(at), at < 0) for at in (-2, 3, 8)]

    outcome = judge(CLOCK_AHEAD, Pace(), replace(record, ticks=ticks, clock_verdicts=verdicts))

    assert outcome.detection_seconds == 3
    assert judge(CLOCK_AHEAD, Pace(), replace(record, ticks=ticks)).detection_seconds == 10


def test_a_candle_that_isnt_stored_is_lost(record: Record) -> None:
    del record.stored[EVERY[0]][OPENS[1]]

    outcome = judge(MUTE_ALL, Pace(), replace(record, stored_rows=8))

    assert (outcome.rows_lost, outcome.problems) == (1, ["rows lost"])


def test_a_row_too_many_is_doubled(record: Record) -> None:
    assert judge(MUTE_ALL, Pace(), replace(record, stored_rows=10)).problems == ["rows doubled"]


def test_a_candle_that_the_exchange_doesnt_have_is_one_too_many(record: Record) -> None:
    del record.published[EVERY[0]][OPENS[1]]

    assert judge(MUTE_ALL, Pace(), record).rows_doubled == 1


def test_other_values_are_wrong(record: Record) -> None:
    record.stored[EVERY[0]][OPENS[1]] = StoredCandle(_candle(OPENS[1], close=6), "stream", FAULT)

    assert judge(MUTE_ALL, Pace(), record).problems == ["rows wrong"]


def test_one_symbol_that_never_leaves_live_is_a_fault_unnoticed(record: Record) -> None:
    noticed = [change for change in record.changes if change.symbol != EVERY[0]]

    outcome = judge(MUTE_ALL, Pace(), replace(record, changes=noticed))

    assert outcome.detection_seconds is None
    assert "not noticed in time" in outcome.problems


def test_a_stream_that_doesnt_come_back_is_told(record: Record) -> None:
    assert "streams not live again" in judge(MUTE_ALL, Pace(), replace(record, has_recovered=False)).problems
