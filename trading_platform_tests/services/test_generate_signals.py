"""However and whenever candles arrive, the same candles give the same signals, once (I3, I10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_platform.domain.candle import Candle
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.indicators import compute_indicators
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.registry import build_strategy
from trading_platform.ports.ledger import StrategySeries
from trading_platform.services import candle_windows
from trading_platform.services.generate_signals import Judgement, PlacedStrategy, generate_signals
from trading_platform_tests.fakes import FakeClock, FakeLedger, FakeSeriesStore
from trading_platform_tests.services.market_walk import add, store_of, walk
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, START, SYMBOL, minutes

WINDOW = 100
STRATEGIES = [
    PlacedStrategy(build_strategy("trend_following", {"adx_minimum": 10}), MINUTE),
    PlacedStrategy(build_strategy("mean_reversion", {"rsi_oversold": 40}), MINUTE),
]
Outcome = tuple[str, datetime, str, str]


def _ledger(kind: type[FakeLedger] = FakeLedger) -> FakeLedger:
    ledger = kind()
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    return ledger


def _judge(
    store: FakeSeriesStore, ledger: FakeLedger, strategies: Sequence[PlacedStrategy] = tuple(STRATEGIES)
) -> list[Judgement]:
    return generate_signals(store, ledger, FakeClock(minutes(300)), ACCOUNT, [SYMBOL], strategies, WINDOW)


def _outcomes(signals: Sequence[Signal]) -> set[Outcome]:
    return {(s.strategy, s.candle_close, s.direction, s.reason) for s in signals}


def _recorded(ledger: FakeLedger) -> set[Outcome]:
    return _outcomes(ledger.recent_signals(ACCOUNT, 10_000))


@cache
def _directly(candles: tuple[Candle, ...], first: int) -> set[Outcome]:
    """Signals of every candle from the numbered one on, straight from the pure functions."""
    found: set[Outcome] = set()
    for end in range(first + 1, len(candles) + 1):
        frame = store_of(candles[end - WINDOW : end]).candle_frame(SYMBOL, MINUTE)
        for placed in STRATEGIES:
            verdict = placed.strategy.evaluate(compute_indicators(frame, placed.strategy.indicators))
            if verdict.direction is not None:
                close = MINUTE.close_of(candles[end - 1].open_time)
                found.add((placed.strategy.name, close, verdict.direction, verdict.reason))
    return found


def test_the_walk_is_lively_enough() -> None:
    outcomes = _directly(walk(), WINDOW)

    assert {(strategy, direction) for strategy, _, direction, _ in outcomes} >= {
        ("trend_following", "long"),
        ("trend_following", "short"),
        ("mean_reversion", "long"),
        ("mean_reversion", "short"),
    }


@settings(max_examples=6, deadline=None)
@given(st.sets(st.integers(WINDOW + 1, 259), max_size=12), st.booleans())
def test_signals_do_not_depend_on_how_candles_arrive(cuts: set[int], judged_twice: bool) -> None:
    candles, ledger = walk(), _ledger()
    store = store_of(candles[:WINDOW])
    _judge(store, ledger)  # the first start judges the newest candle only
    for start, end in zip([WINDOW, *sorted(cuts)], [*sorted(cuts), 260], strict=True):
        add(store, candles[start:end])
        _judge(store, ledger)
        if judged_twice:
            assert _judge(store, ledger) == []

    assert _recorded(ledger) == _directly(candles, WINDOW - 1)


def test_the_first_start_judges_the_newest_candle_only() -> None:
    judged = _judge(store_of(walk()), _ledger())

    assert [(j.series.strategy, j.open_time) for j in judged] == [
        ("trend_following", minutes(259)),
        ("mean_reversion", minutes(259)),
    ]


def test_too_few_candles_are_not_judged() -> None:
    ledger = _ledger()

    assert _judge(store_of(walk()[: WINDOW - 1]), ledger) == []
    assert ledger.evaluated_through(ACCOUNT) == {}


class _Crashing(FakeLedger):
    """Dies once, between recording signals and remembering how far it went."""

    crashes = 1

    def mark_evaluated(self, account: str, through: Mapping[StrategySeries, datetime]) -> None:
        if self.crashes and len(self.recent_signals(account, 1)):
            self.crashes -= 1
            raise RetryLater("killed")
        super().mark_evaluated(account, through)


def test_a_crash_after_recording_doubles_nothing() -> None:
    candles, ledger = walk(), _ledger(_Crashing)
    store = store_of(candles[:WINDOW])
    _judge(store, ledger)
    add(store, candles[WINDOW:])
    with pytest.raises(RetryLater):
        _judge(store, ledger)
    before = ledger.recent_signals(ACCOUNT, 10_000)

    _judge(store, ledger)

    assert before == ledger.recent_signals(ACCOUNT, 10_000)
    assert _judge(store, ledger) == []


def test_a_new_strategy_joins_with_the_candles_that_are_judged_now() -> None:
    candles, ledger = walk(), _ledger()
    store = store_of(candles[:200])
    _judge(store, ledger, STRATEGIES[:1])
    add(store, candles[200:])

    judged = _judge(store, ledger)

    for placed in STRATEGIES:
        times = [j.open_time for j in judged if j.series.strategy == placed.strategy.name]
        assert times == [minutes(number) for number in range(200, 260)]


def test_a_hole_makes_no_candle_judged_twice() -> None:
    candles, ledger = walk(), _ledger()
    store = store_of(candles[:200])
    _judge(store, ledger, STRATEGIES[:1])
    add(store, candles[210:213])

    judged = _judge(store, ledger, STRATEGIES[:1])

    assert [j.open_time for j in judged] == [minutes(number) for number in range(210, 213)]


def test_changed_parameters_are_another_series() -> None:
    ledger, store = _ledger(), store_of(walk())
    _judge(store, ledger, STRATEGIES[:1])
    other = PlacedStrategy(build_strategy("trend_following", {"adx_minimum": 99}), MINUTE)

    assert len(_judge(store, ledger, [other])) == 1


def test_after_a_long_pause_the_newest_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candle_windows, "MAX_WINDOWS", 30)
    candles, ledger = walk(), _ledger()
    store = store_of(candles[:200])
    _judge(store, ledger, STRATEGIES[:1])
    add(store, candles[200:])

    judged = _judge(store, ledger, STRATEGIES[:1])

    assert [j.open_time for j in judged] == [minutes(number) for number in range(230, 260)]
