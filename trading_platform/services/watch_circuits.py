"""Telling the owner when endpoints of the venue haven't answered for long: what is left alone must not be forgotten."""

from __future__ import annotations

from datetime import timedelta

from trading_platform.domain.circuit import Circuit, current, left_alone
from trading_platform.domain.request_limits import RequestGroup
from trading_platform.ports.circuit_journal import CircuitJournal
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal

_PREFIX = "circuit:"
_WHAT = {
    RequestGroup.MARKET_DATA: "market data",
    RequestGroup.ACCOUNT: "the account",
    RequestGroup.ORDERS: "orders",
}


def watch_circuits(
    circuits: CircuitJournal, journal: HealthJournal, clock: Clock, patience_seconds: float
) -> list[Circuit]:
    """Open an incident for each group of endpoints that any process has left alone for so long; close it afterwards.

    A store that is left alone is no incident here: `watch_store` tells of it, by what waits for it.

    Returns
    -------
    list of Circuit
        Those that stand open now.
    """
    wall = clock.wall()
    standing = [circuit for circuit in left_alone(current(circuits.circuits(), wall)) if circuit.group is not None]
    keys = {_key(circuit) for circuit in standing}
    for circuit in sorted(standing, key=lambda each: each.since):
        if wall - circuit.since >= timedelta(seconds=patience_seconds):
            title = f"{circuit.venue[0].upper()}{circuit.venue[1:]} doesn't answer: {_what(circuit)}"
            journal.open_incident(
                _key(circuit),
                title,
                f"{circuit.process} has asked in vain since {circuit.since:%H:%M:%S} UTC, and tries again every few "
                f"seconds: {circuit.reason}",
                wall,
            )
    for incident in journal.open_incidents():
        if incident.key.startswith(_PREFIX) and incident.key not in keys:
            venue, group = incident.key.removeprefix(_PREFIX).rsplit(":", 1)
            title = f"{venue[0].upper()}{venue[1:]} answers again: {_WHAT[RequestGroup(group)]}"
            journal.close_incident(incident.key, title, f"It began at {incident.opened_at:%H:%M:%S} UTC.", wall)
    return standing


def _what(circuit: Circuit) -> str:
    return _WHAT[circuit.group] if circuit.group else ""


def _key(circuit: Circuit) -> str:
    return f"{_PREFIX}{circuit.venue}:{circuit.group}"
