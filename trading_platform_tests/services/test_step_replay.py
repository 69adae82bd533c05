"""Stepping: no candle passes without its whole cycle, whatever is killed or lost in between."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.replay import ReplayPosition
from trading_platform.services.step_replay import Stepped, step_replay
from trading_platform_tests.fakes import FakeClock
from trading_platform_tests.support.examples import START, minutes


class Recording:
    """A market of so many candles, which may lose the answer to a step."""

    def __init__(self, candles: int) -> None:
        self.candles = candles
        self.at = 0
        self.lose_answers_of: set[int] = set()

    def position(self) -> ReplayPosition:
        return ReplayPosition(minutes(self.at), self.at >= self.candles)

    def step(self, expected: datetime) -> ReplayPosition:
        if expected == minutes(self.at) and self.at < self.candles:
            self.at += 1
            if self.at in self.lose_answers_of:
                self.lose_answers_of.discard(self.at)
                raise RetryLater("the answer was lost")
        return self.position()


class Cycles:
    """Counts completed cycles by position, and dies where it is told to."""

    def __init__(self, recording: Recording, clock: FakeClock, seconds: float = 0.0) -> None:
        self.completed: list[datetime] = []
        self.deaths: list[int] = []
        self._recording, self._clock, self._seconds = recording, clock, seconds

    def __call__(self) -> None:
        if self.deaths and self.deaths[0] == self._recording.at:
            self.deaths.pop(0)
            raise RetryLater("killed in the middle of a cycle")
        self._clock.advance(self._seconds)
        self.completed.append(self._recording.position().now)


def _step(recording: Recording, clock: FakeClock, cycles: Cycles, budget: float = 1e6) -> Stepped:
    return step_replay(recording, clock, cycles, budget_seconds=budget)


def test_each_candle_has_its_cycle_until_the_recording_ends() -> None:
    recording, clock = Recording(5), FakeClock(START)
    cycles = Cycles(recording, clock)

    done = _step(recording, clock, cycles)

    assert done == Stepped(5, minutes(5), finished=True)
    assert cycles.completed == [minutes(number) for number in range(6)]


def test_a_batch_ends_when_its_time_is_up_and_the_next_goes_on() -> None:
    recording, clock = Recording(10), FakeClock(START)
    cycles = Cycles(recording, clock, seconds=1)

    first = _step(recording, clock, cycles, budget=3)
    second = _step(recording, clock, cycles)

    assert (first.steps, first.finished) == (2, False)
    assert (second.steps, second.finished) == (8, True)
    assert sorted(set(cycles.completed)) == [minutes(number) for number in range(11)]


def test_a_finished_recording_gets_no_step() -> None:
    recording, clock = Recording(0), FakeClock(START)
    cycles = Cycles(recording, clock)

    assert _step(recording, clock, cycles) == Stepped(0, minutes(0), finished=True)
    assert cycles.completed == [START]


@given(st.lists(st.integers(0, 20)), st.sets(st.integers(1, 20)))
def test_no_candle_is_passed_over_and_none_is_stepped_twice(deaths: list[int], lost: set[int]) -> None:
    recording, clock = Recording(20), FakeClock(START)
    recording.lose_answers_of = lost
    cycles = Cycles(recording, clock)
    cycles.deaths = sorted(deaths)
    for _ in range(len(deaths) + len(lost) + 1):
        try:
            _step(recording, clock, cycles)
        except RetryLater:
            continue

    assert recording.position().finished
    assert sorted(set(cycles.completed)) == [minutes(number) for number in range(21)]
    assert cycles.completed == sorted(cycles.completed)


def test_a_cycle_that_fails_stops_the_market() -> None:
    recording, clock = Recording(5), FakeClock(START)
    cycles = Cycles(recording, clock)
    cycles.deaths = [2, 2, 2]

    for _ in range(3):
        with pytest.raises(RetryLater):
            _step(recording, clock, cycles)
        assert recording.at == 2
