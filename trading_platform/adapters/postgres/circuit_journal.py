"""States of the circuit breakers in PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from trading_platform.adapters.postgres.engine import reading
from trading_platform.adapters.postgres.tables import REQUEST_CIRCUITS
from trading_platform.domain.circuit import Circuit, CircuitState
from trading_platform.domain.request_limits import RequestGroup

_KEY = ("venue", "group", "process")
_WHOLE = ""  # a part of the key can't be null


class PostgresCircuitJournal:
    """Fills the role `CircuitJournal`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, circuit: Circuit) -> None:
        """Replace this process's word on this group, or store."""
        statement = insert(REQUEST_CIRCUITS).values({**asdict(circuit), "group": circuit.group or _WHOLE})
        statement = statement.on_conflict_do_update(
            index_elements=list(_KEY),
            set_={column.name: statement.excluded[column.name] for column in REQUEST_CIRCUITS.c},
        )
        with reading(self._engine) as connection:
            connection.execute(statement)

    def circuits(self) -> list[Circuit]:
        """The newest words, by venue, group and process."""
        query = select(REQUEST_CIRCUITS).order_by(*(REQUEST_CIRCUITS.c[name] for name in _KEY))
        with reading(self._engine) as connection:
            return [
                Circuit(**{**row, "group": _group(row["group"]), "state": CircuitState(row["state"])})
                for row in connection.execute(query).mappings()
            ]


def _group(name: str) -> RequestGroup | None:
    return None if name == _WHOLE else RequestGroup(name)
