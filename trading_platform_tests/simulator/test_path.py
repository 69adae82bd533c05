"""The path inside a candle tells the candle's own story."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trading_platform.simulator.candles import Candle
from trading_platform.simulator.path import (
    LAST_PRINT,
    PRINTS,
    candle_until,
    path_prices,
    print_at,
    print_offset_ms,
    traded_at,
)

INTERVALS_MS = st.sampled_from([60_000, 300_000, 3_600_000])


@st.composite
def candles(draw: st.DrawFn) -> Candle:
    open_, close = draw(st.integers(1, 10**6)), draw(st.integers(1, 10**6))
    low = draw(st.integers(1, min(open_, close)))
    high = draw(st.integers(max(open_, close), 10**6 + 1))
    totals = draw(st.tuples(*[st.integers(0, 10**12)] * 5))
    return Candle(29_000_000, open_, high, low, close, *totals)


@given(candles())
def test_the_path_hits_open_extremes_and_close_and_never_leaves_them(candle: Candle) -> None:
    prices = path_prices(candle.open, candle.high, candle.low, candle.close)
    assert len(prices) == PRINTS
    assert (prices[0], prices[-1]) == (candle.open, candle.close)
    assert (min(prices), max(prices)) == (candle.low, candle.high)


@given(candles())
def test_the_finished_candle_is_the_recorded_one(candle: Candle) -> None:
    assert candle_until(candle, LAST_PRINT) == candle


@given(candles())
def test_what_trades_adds_up_to_the_candles_volume(candle: Candle) -> None:
    assert sum(traded_at(candle.volume, index) for index in range(PRINTS)) == candle.volume


@given(candles(), st.integers(0, PRINTS - 2))
def test_the_candle_in_progress_only_grows(candle: Candle, index: int) -> None:
    before, after = candle_until(candle, index), candle_until(candle, index + 1)
    assert before.open == after.open == candle.open
    assert candle.low <= after.low <= before.low <= before.high <= after.high <= candle.high
    assert all(b <= a for b, a in zip(before[5:], after[5:], strict=True))


@given(INTERVALS_MS, st.integers(0, LAST_PRINT))
def test_a_print_is_the_newest_from_its_own_time_on(interval_ms: int, index: int) -> None:
    offset_ms = print_offset_ms(index, interval_ms)
    assert 0 <= offset_ms < interval_ms
    assert print_at(offset_ms, interval_ms) == index
    assert index == 0 or print_at(offset_ms - 1, interval_ms) == index - 1
