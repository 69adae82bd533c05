"""Endpoints that are left alone for long open an incident; an answer, or a process that is gone, ends it (I6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trading_platform.domain.circuit import WORD_LIFETIME, Circuit, CircuitState, current, left_alone
from trading_platform.domain.request_limits import RequestGroup
from trading_platform.services.watch_circuits import watch_circuits
from trading_platform_tests.fakes import FakeCircuitJournal, FakeClock, FakeHealthJournal
from trading_platform_tests.support.examples import START

PATIENCE = 60.0


class _Lookout:
    def __init__(self) -> None:
        self.circuits, self.journal, self.clock = FakeCircuitJournal(), FakeHealthJournal(), FakeClock(START)
        self.since = START

    def note(self, state: CircuitState, process: str = "worker-market") -> None:
        wall = self.clock.wall()
        self.circuits.note(
            Circuit("the exchange", RequestGroup.MARKET_DATA, process, state, "HTTP 503", self.since, wall, wall)
        )

    def watch(self) -> list[str]:
        watch_circuits(self.circuits, self.journal, self.clock, PATIENCE)
        return [incident.key for incident in self.journal.open_incidents()]

    def titles(self) -> list[str]:
        return [message.title for message in self.journal.undelivered(99)]


@pytest.fixture
def lookout() -> _Lookout:
    return _Lookout()


def test_a_circuit_that_stays_open_is_told_once_and_so_is_its_end(lookout: _Lookout) -> None:
    lookout.note(CircuitState.OPEN)
    assert lookout.watch() == []
    lookout.clock.advance(PATIENCE)
    lookout.note(CircuitState.OPEN)
    assert lookout.watch() == lookout.watch() == ["circuit:the exchange:market_data"]
    assert "HTTP 503" in lookout.journal.undelivered(1)[0].body

    lookout.note(CircuitState.CLOSED)
    assert lookout.watch() == []
    assert lookout.titles() == [
        "The exchange doesn't answer: market data",
        "The exchange answers again: market data",
    ]


def test_a_store_that_is_left_alone_is_told_by_what_waits_for_it(lookout: _Lookout) -> None:
    lookout.clock.advance(PATIENCE)
    wall = lookout.clock.wall()
    lookout.circuits.note(Circuit("the store", None, "stream", CircuitState.OPEN, "HTTP 503", START, wall, wall))
    assert lookout.watch() == []
    assert lookout.titles() == []


def test_it_lasts_until_no_process_leaves_them_alone(lookout: _Lookout) -> None:
    lookout.clock.advance(PATIENCE)
    lookout.note(CircuitState.OPEN)
    lookout.note(CircuitState.OPEN, "stream")
    assert len(lookout.watch()) == 1
    lookout.note(CircuitState.CLOSED)
    lookout.clock.advance(1)
    lookout.note(CircuitState.OPEN, "stream")
    assert len(lookout.watch()) == 1
    lookout.note(CircuitState.CLOSED, "stream")
    assert lookout.watch() == []


def test_the_word_of_a_process_that_is_gone_ends_nothing_but_itself(lookout: _Lookout) -> None:
    lookout.clock.advance(PATIENCE)
    lookout.note(CircuitState.OPEN)
    assert len(lookout.watch()) == 1
    lookout.clock.advance((WORD_LIFETIME + timedelta(seconds=1)).total_seconds())
    assert lookout.watch() == []


def test_an_open_circuit_is_half_open_when_its_pause_is_over(lookout: _Lookout) -> None:
    lookout.note(CircuitState.OPEN)
    [noted] = lookout.circuits.circuits()
    assert noted.seen_at(START - timedelta(seconds=1)).state is CircuitState.OPEN
    assert noted.seen_at(START).state is CircuitState.HALF_OPEN
    assert left_alone(current([noted], START)) == [noted.seen_at(START)]


def test_another_processs_later_answer_ends_it_for_all(lookout: _Lookout) -> None:
    """The stream process asks only while its streams are gone: its last word may well be that nothing answered."""
    lookout.clock.advance(PATIENCE)
    lookout.note(CircuitState.CLOSED, "worker-market")
    lookout.clock.advance(1)
    lookout.note(CircuitState.OPEN, "stream")
    assert len(lookout.watch()) == 1  # an answer before that says nothing
    lookout.clock.advance(1)
    lookout.note(CircuitState.CLOSED, "worker-market")
    assert lookout.watch() == []
