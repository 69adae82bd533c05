"""Indicator values of every closed candle, the same whenever they are computed (I10)."""

from __future__ import annotations

import pytest

from trading_platform.domain.indicators import PRICE_COLUMNS, compute_indicators, parse_indicators
from trading_platform.services.store_indicators import StoredIndicators, store_indicators
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.services.market_walk import add, store_of, walk
from trading_platform_tests.support.examples import MINUTE, SYMBOL, minutes

WINDOW = 60
SPECS = parse_indicators(["ema(12)", "rsi(14)", "bbands(20,2)", "adx(14)"])


def _store(store: FakeSeriesStore) -> StoredIndicators:
    [stored] = store_indicators(store, [SYMBOL], [MINUTE], SPECS, WINDOW)
    return stored


def _directly(number: int) -> dict[str, float]:
    """Values of the numbered candle over exactly its window."""
    frame = store_of(walk()[number + 1 - WINDOW : number + 1]).candle_frame(SYMBOL, MINUTE)
    newest = compute_indicators(frame, SPECS).iloc[-1].drop(list(PRICE_COLUMNS))
    return {str(name): float(value) for name, value in newest.items()}


def test_the_first_call_stores_the_newest_candle() -> None:
    store = store_of(walk())

    stored = _store(store)

    assert (stored.candles, stored.newest_open_time) == (1, minutes(259))
    assert store.indicators(SYMBOL, MINUTE, newest=9) == {minutes(259): pytest.approx(_directly(259), rel=1e-12)}


def test_every_later_candle_gets_the_values_of_its_own_window() -> None:
    store = store_of(walk()[:200])
    _store(store)
    add(store, walk()[200:])

    stored = _store(store)

    assert stored.candles == 60
    values = store.indicators(SYMBOL, MINUTE, newest=1000)
    assert values == {minutes(number): pytest.approx(_directly(number), rel=1e-12) for number in range(199, 260)}


def test_a_repeated_call_stores_nothing_and_still_tells_the_newest() -> None:
    store = store_of(walk())
    first = _store(store)

    again = _store(store)

    assert (again.candles, again.newest_open_time) == (0, minutes(259))
    assert again.newest_values == first.newest_values


def test_without_a_whole_window_nothing_is_stored() -> None:
    store = store_of(walk()[: WINDOW - 1])

    assert _store(store) == StoredIndicators(SYMBOL, "1m", 0, None, {})
    assert store.indicators(SYMBOL, MINUTE, newest=9) == {}
