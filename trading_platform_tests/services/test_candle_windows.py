"""A window's indicators are remembered for the same candles only."""

from __future__ import annotations

import pandas as pd

from trading_platform.domain.indicators import compute_indicators, parse_indicators
from trading_platform.services.candle_windows import WindowMemory
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle

ALL = parse_indicators(("ema(5)", "rsi(3)"))
SOME = ALL[:1]


def _window(last_close: str = "30") -> pd.DataFrame:
    store = FakeSeriesStore()
    rows = [*(candle(minute, f"{minute + 1}") for minute in range(29)), candle(29, last_close)]
    store.write_candles(SYMBOL, MINUTE, rows, source="rest", received_at=START)
    return store.candle_frame(SYMBOL, MINUTE, newest=30)


def test_the_same_candles_are_computed_once() -> None:
    memory = WindowMemory()

    first = memory.indicators(SYMBOL, MINUTE, _window(), ALL)
    again = memory.indicators(SYMBOL, MINUTE, _window(), SOME)

    assert again is first
    assert first.equals(compute_indicators(_window(), ALL))


def test_a_corrected_candle_or_another_series_is_computed_anew() -> None:
    memory = WindowMemory()
    first = memory.indicators(SYMBOL, MINUTE, _window(), ALL)

    corrected = memory.indicators(SYMBOL, MINUTE, _window("99"), ALL)
    other = memory.indicators("ETH/USDT", MINUTE, _window("99"), ALL)

    assert corrected["ema_5"].iloc[-1] != first["ema_5"].iloc[-1]
    assert other is not corrected


def test_more_indicators_than_were_computed_are_computed() -> None:
    memory = WindowMemory()
    memory.indicators(SYMBOL, MINUTE, _window(), SOME)

    assert "rsi_3" in memory.indicators(SYMBOL, MINUTE, _window(), ALL)
