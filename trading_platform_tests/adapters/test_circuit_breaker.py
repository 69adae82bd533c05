"""Closed, open, half open: one probe, longer pauses, and a way past for what reduces risk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from trading_platform.adapters.circuit_breaker import CircuitBreaker
from trading_platform.domain.circuit import CircuitState


class Time:
    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> CircuitBreaker:
    return CircuitBreaker("venue, orders", 3, 1.0, 10.0, lambda: time.now, lambda: 0.0)


def open_it(breaker: CircuitBreaker) -> None:
    for _ in range(3):
        assert breaker.admit() == 0
        breaker.silent()


def test_silences_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    breaker.silent()
    breaker.silent()
    breaker.answered()
    breaker.silent()
    breaker.silent()
    assert breaker.state is CircuitState.CLOSED
    breaker.silent()
    assert breaker.state is CircuitState.OPEN
    assert breaker.admit() == 1.0


def test_one_probe_decides(breaker: CircuitBreaker, time: Time) -> None:
    open_it(breaker)
    time.now += 1
    assert breaker.state is CircuitState.HALF_OPEN
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: breaker.admit(), range(8)))
    assert sorted(waits)[:2] == [0.0, 1.0]
    breaker.answered()
    assert breaker.state is CircuitState.CLOSED
    assert breaker.admit() == 0


def test_who_is_patient_shares_what_the_probe_finds(breaker: CircuitBreaker, time: Time) -> None:
    open_it(breaker)
    time.now += 1
    assert breaker.admit() == 0
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(breaker.admit, patience_seconds=30) for _ in range(3)]
        breaker.answered()
        assert [each.result() for each in waiting] == [0, 0, 0]


def test_who_is_patient_is_sent_away_when_the_probe_fails(breaker: CircuitBreaker, time: Time) -> None:
    open_it(breaker)
    time.now += 1
    assert breaker.admit() == 0
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(breaker.admit, patience_seconds=30) for _ in range(3)]
        breaker.silent()
        assert [each.result() for each in waiting] == [2, 2, 2]


def test_patience_ends(breaker: CircuitBreaker, time: Time) -> None:
    open_it(breaker)
    time.now += 1
    assert breaker.admit() == 0
    assert breaker.admit(patience_seconds=0.01) == 1


def test_pauses_grow_up_to_the_longest(breaker: CircuitBreaker, time: Time) -> None:
    open_it(breaker)
    pauses = []
    for _ in range(6):
        pauses.append(breaker.admit())
        time.now += pauses[-1]
        assert breaker.admit() == 0
        breaker.silent()
    assert pauses == [1, 2, 4, 8, 10, 10]
    time.now += 10
    breaker.admit()
    breaker.answered()
    open_it(breaker)
    assert breaker.admit() == 1


def test_chance_takes_off_up_to_half(time: Time) -> None:
    breaker = CircuitBreaker("venue", 1, 4.0, 10.0, lambda: time.now, lambda: 1.0)
    breaker.silent()
    assert breaker.admit() == 2.0


def test_a_probe_that_was_not_sent_leaves_its_place(breaker: CircuitBreaker, time: Time) -> None:
    open_it(breaker)
    time.now += 1
    assert breaker.admit() == 0
    assert breaker.admit() > 0
    breaker.withdraw()
    assert breaker.admit() == 0


def test_what_reduces_risk_goes_past_and_its_answer_counts(breaker: CircuitBreaker) -> None:
    open_it(breaker)
    assert breaker.admit(always=True) == 0
    breaker.silent()
    assert breaker.state is CircuitState.OPEN
    assert breaker.admit(always=True) == 0
    breaker.answered()
    assert breaker.state is CircuitState.CLOSED
