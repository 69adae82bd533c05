"""States of the streams in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, case, delete, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from trading_platform.adapters.postgres.engine import reading, transaction
from trading_platform.adapters.postgres.tables import STREAM_CHANGES, STREAM_STATUSES
from trading_platform.domain.stream import CLOCK_SET_BACK, StreamChange, StreamState, StreamStatus

_TOLD = ("state", "reason", "since")
"""What a symbol that REST serves keeps until its stream lives again."""


class PostgresStreamJournal:
    """Fills the role `StreamJournal`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, statuses: Sequence[StreamStatus]) -> None:
        """Replace the status of each symbol, one after the other; a trigger keeps the changes of state."""
        statement = insert(STREAM_STATUSES)
        known, new = STREAM_STATUSES.c, statement.excluded
        stays = and_(known.state == StreamState.FALLBACK, new.state.in_([StreamState.STALE, StreamState.CONNECTING]))
        replaced = [column.name for column in known if column.name != "symbol"]
        statement = statement.on_conflict_do_update(
            index_elements=["symbol"],
            set_={
                name: case((stays, known[name]), else_=new[name]) if name in _TOLD else new[name] for name in replaced
            },
            where=or_(new.heartbeat_at >= known.heartbeat_at, new.heartbeat_at < known.heartbeat_at - CLOCK_SET_BACK),
        )
        # every writer locks the rows in the same order
        ordered = sorted(statuses, key=lambda status: status.symbol)
        with transaction(self._engine) as connection:
            for status in ordered:
                connection.execute(statement, asdict(status))

    def mark_fallback(self, reasons: Mapping[str, str], at: datetime, heartbeat_limit_seconds: float) -> list[str]:
        """Note that REST serves these symbols since `at`; which ones weren't FALLBACK before."""
        known = STREAM_STATUSES.c
        limit = timedelta(seconds=heartbeat_limit_seconds)
        young = known.heartbeat_at.between(at - limit, at + limit)
        marked = []
        with transaction(self._engine) as connection:
            for symbol in sorted(reasons):
                statement = (
                    update(STREAM_STATUSES)
                    .where(known.symbol == symbol)
                    .where(known.state.not_in([StreamState.FALLBACK, StreamState.CLOSED]))
                    .where(not_(and_(known.state == StreamState.LIVE, young)))
                    .values(state=StreamState.FALLBACK, reason=reasons[symbol], since=at)
                )
                if connection.execute(statement).rowcount:
                    marked.append(symbol)
        return marked

    def statuses(self) -> Mapping[str, StreamStatus]:
        """Newest status per symbol."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(STREAM_STATUSES).order_by(STREAM_STATUSES.c.symbol)).mappings()
            return {row["symbol"]: StreamStatus(**{**row, "state": StreamState(row["state"])}) for row in rows}

    def changes(self, limit: int, symbol: str | None = None) -> list[StreamChange]:
        """Newest changes first."""
        columns = [STREAM_CHANGES.c[name] for name in ("symbol", "before", "after", "reason", "changed_at")]
        query = select(*columns).order_by(STREAM_CHANGES.c.change_id.desc()).limit(limit)
        if symbol is not None:
            query = query.where(STREAM_CHANGES.c.symbol == symbol)
        with reading(self._engine) as connection:
            return [
                StreamChange(row.symbol, row.before and StreamState(row.before), StreamState(row.after), *row[3:])
                for row in connection.execute(query)
            ]

    def prune(self, before: datetime) -> int:
        """Drop changes older than that; how many rows."""
        with transaction(self._engine) as connection:
            return connection.execute(delete(STREAM_CHANGES).where(STREAM_CHANGES.c.changed_at < before)).rowcount
