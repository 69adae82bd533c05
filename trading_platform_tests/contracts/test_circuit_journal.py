"""What every journal of circuit breakers does."""

from __future__ import annotations

from dataclasses import replace

from trading_platform.domain.circuit import Circuit, CircuitState
from trading_platform.domain.request_limits import RequestGroup
from trading_platform.ports.circuit_journal import CircuitJournal
from trading_platform_tests.support.examples import minutes

OPEN, CLOSED = CircuitState.OPEN, CircuitState.CLOSED
MARKET_DATA, ORDERS = RequestGroup.MARKET_DATA, RequestGroup.ORDERS


def circuit(state: CircuitState, minute: int, group: RequestGroup = MARKET_DATA, process: str = "watcher") -> Circuit:
    retry_at = minutes(minute + 1) if state is OPEN else None
    return Circuit("the venue", group, process, state, f"it is {state}", minutes(minute), minutes(minute), retry_at)


def test_the_newest_word_of_each_process_on_each_group_is_kept(circuits: CircuitJournal) -> None:
    circuits.note(circuit(CLOSED, 0))
    circuits.note(circuit(OPEN, 1, ORDERS))
    circuits.note(circuit(OPEN, 2, process="stream"))
    circuits.note(circuit(OPEN, 3))

    assert circuits.circuits() == [circuit(OPEN, 2, process="stream"), circuit(OPEN, 3), circuit(OPEN, 1, ORDERS)]


def test_a_store_is_asked_as_a_whole(circuits: CircuitJournal) -> None:
    whole = replace(circuit(OPEN, 0), venue="the store", group=None)
    circuits.note(replace(whole, state=CLOSED, retry_at=None))
    circuits.note(whole)
    circuits.note(circuit(CLOSED, 0))

    assert circuits.circuits() == [whole, circuit(CLOSED, 0)]


def test_what_was_open_is_closed_again(circuits: CircuitJournal) -> None:
    circuits.note(circuit(OPEN, 0))
    circuits.note(circuit(CLOSED, 1))

    assert circuits.circuits() == [circuit(CLOSED, 1)]
