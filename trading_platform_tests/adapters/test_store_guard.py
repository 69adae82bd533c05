"""A store that doesn't answer is left alone, and the other processes can see it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from trading_platform.adapters.circuit_notes import CircuitNotes
from trading_platform.adapters.store_guard import FAILURES_TO_OPEN, LONGEST_PAUSE_SECONDS, StoreGuard
from trading_platform.domain.circuit import Circuit, CircuitState
from trading_platform.domain.errors import RefusedByStore, RetryLater
from trading_platform_tests.fakes import FakeCircuitJournal
from trading_platform_tests.support.examples import START


class _Store:
    """What is asked, and the time."""

    def __init__(self) -> None:
        self.journal, self.seconds, self.questions = FakeCircuitJournal(), 0.0, 0
        notes = CircuitNotes(self.journal, "the store", "stream", self.wall)
        self.guard = StoreGuard("the store", lambda: self.seconds, lambda: 0.0, notes)

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def ask(self, trouble: Exception | None = None, takes: float = 0.0, patience: float = float("inf")) -> None:
        with self.guard.asking(patience):
            self.questions += 1
            self.seconds += takes
            if trouble:
                raise trouble

    def fail(self) -> None:
        with pytest.raises(RetryLater):
            self.ask(RetryLater("HTTP 503"))

    def word(self) -> Circuit:
        [circuit] = self.journal.circuits()
        return circuit


@pytest.fixture
def store() -> _Store:
    return _Store()


def test_after_two_silences_it_is_not_asked_and_all_can_see_why(store: _Store) -> None:
    for _ in range(FAILURES_TO_OPEN):
        store.fail()
    assert store.word() == Circuit(
        "the store",
        None,
        "stream",
        CircuitState.OPEN,
        "HTTP 503",
        since=START,
        noted_at=START,
        retry_at=START + timedelta(seconds=1),
    )
    asked = store.questions
    with pytest.raises(RetryLater, match="the store is left alone for a moment: HTTP 503"):
        store.ask()
    assert store.questions == asked


def test_a_probe_that_fails_is_noted_and_the_answer_that_ends_it(store: _Store) -> None:
    for _ in range(FAILURES_TO_OPEN):
        store.fail()
    store.seconds = LONGEST_PAUSE_SECONDS
    store.fail()
    assert (store.word().state, store.word().since) == (CircuitState.OPEN, START)
    assert store.word().noted_at == store.wall()
    store.seconds += LONGEST_PAUSE_SECONDS
    store.ask()
    assert store.word().state is CircuitState.CLOSED
    assert "left alone since" in store.word().reason
    assert store.guard.trouble == ""


def test_an_answer_that_takes_too_long_is_used_and_counts_as_none(store: _Store) -> None:
    for _ in range(FAILURES_TO_OPEN):
        store.ask(takes=3.0, patience=2.0)
    assert (store.word().state, store.word().reason) == (CircuitState.OPEN, "the store took 3.0 s to answer")


def test_what_the_store_refuses_is_an_answer(store: _Store) -> None:
    for _ in range(2 * FAILURES_TO_OPEN):
        with pytest.raises(RefusedByStore):
            store.ask(RefusedByStore("a field of another kind"))
    assert store.word().state is CircuitState.CLOSED


def test_answers_are_noted_once(store: _Store) -> None:
    for _ in range(3):
        store.ask()
    assert [note.state for note in store.journal.notes] == [CircuitState.CLOSED]


def test_without_a_journal_in_reach_the_store_is_asked_all_the_same(store: _Store) -> None:
    store.journal.is_down = True
    store.ask()
    assert store.journal.notes == []
    store.journal.is_down = False
    store.ask()
    assert store.word().state is CircuitState.CLOSED
