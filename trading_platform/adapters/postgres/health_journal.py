"""Checks, incidents and the outbox of notifications in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import Connection, Engine, RowMapping, and_, case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from trading_platform.adapters.postgres.engine import reading, transaction
from trading_platform.adapters.postgres.tables import CHECK_CHANGES, CHECK_RESULTS, INCIDENTS, NOTIFICATIONS
from trading_platform.domain.check import CheckName, CheckResult, FailingCheck, Incident, Notification, Severity

_CHECK_KEY = ("symbol", "interval", "name")
_RESULT = [CHECK_RESULTS.c[each.name] for each in fields(CheckResult)]


class PostgresHealthJournal:
    """Fills the role `HealthJournal`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_checks(self, results: Sequence[CheckResult]) -> None:
        """Keep the newest result per check and series; a trigger keeps the changes."""
        ordered = sorted(results, key=lambda result: result.checked_at)
        newest = {(result.symbol, result.interval, result.name): result for result in ordered}
        if not newest:
            return
        rows = [asdict(newest[key]) | {"since": newest[key].checked_at} for key in sorted(newest)]
        statement = insert(CHECK_RESULTS)
        new, old = statement.excluded, CHECK_RESULTS.c
        stands = and_(new.passed == old.passed, or_(new.passed, new.severity == old.severity))
        replaced = {column.name: new[column.name] for column in CHECK_RESULTS.c if column.name not in _CHECK_KEY}
        statement = statement.on_conflict_do_update(
            index_elements=_CHECK_KEY,
            set_=replaced | {"since": case((stands, old.since), else_=new.since)},
            where=new.checked_at >= old.checked_at,
        )
        with transaction(self._engine) as connection:
            connection.execute(statement, rows)  # rows beside the statement: it is compiled once, not at each length

    def latest_checks(self, symbol: str, interval: str) -> Mapping[CheckName, CheckResult]:
        """Newest result of each check of the series."""
        query = select(*_RESULT).where(CHECK_RESULTS.c.symbol == symbol, CHECK_RESULTS.c.interval == interval)
        with reading(self._engine) as connection:
            results = [_result(row) for row in connection.execute(query).mappings()]
        return {result.name: result for result in results}

    def failing_checks(self) -> list[FailingCheck]:
        """Checks whose newest result failed, the longest standing first."""
        query = (
            select(*_RESULT, CHECK_RESULTS.c.since)
            .where(~CHECK_RESULTS.c.passed)
            .order_by(CHECK_RESULTS.c.since, *(CHECK_RESULTS.c[name] for name in _CHECK_KEY))
        )
        with reading(self._engine) as connection:
            return [FailingCheck(_result(row), row["since"]) for row in connection.execute(query).mappings()]

    def open_incident(self, key: str, title: str, summary: str, at: datetime) -> bool:
        """Open it and put the notification into the outbox; False if it was open already, which renews its summary."""
        is_open = and_(INCIDENTS.c.key == key, INCIDENTS.c.closed_at.is_(None))
        renewal = update(INCIDENTS).where(is_open, INCIDENTS.c.summary != summary).values(summary=summary)
        statement = (
            insert(INCIDENTS)
            .values(key=key, summary=summary, opened_at=at)
            .on_conflict_do_nothing(index_elements=["key"], index_where=INCIDENTS.c.closed_at.is_(None))
        )
        with transaction(self._engine) as connection:
            opened = connection.execute(statement).rowcount == 1
            if opened:
                _notify(connection, title, summary, at)
            else:
                connection.execute(renewal)
            return opened

    def close_incident(self, key: str, title: str, summary: str, at: datetime) -> bool:
        """Close it and put the all-clear into the outbox; False if none was open."""
        statement = (
            update(INCIDENTS).where(INCIDENTS.c.key == key, INCIDENTS.c.closed_at.is_(None)).values(closed_at=at)
        )
        with transaction(self._engine) as connection:
            closed = connection.execute(statement).rowcount == 1
            if closed:
                _notify(connection, title, summary, at)
            return closed

    def open_incidents(self) -> list[Incident]:
        """What is wrong now, oldest first."""
        query = (
            select(INCIDENTS.c.key, INCIDENTS.c.summary, INCIDENTS.c.opened_at)
            .where(INCIDENTS.c.closed_at.is_(None))
            .order_by(INCIDENTS.c.opened_at, INCIDENTS.c.incident_id)
        )
        with reading(self._engine) as connection:
            return [Incident(*row) for row in connection.execute(query)]

    def undelivered(self, limit: int) -> list[Notification]:
        """Notifications that wait, oldest first."""
        columns = [NOTIFICATIONS.c[name] for name in ("notification_id", "title", "body", "created_at")]
        query = (
            select(*columns)
            .where(NOTIFICATIONS.c.delivered_at.is_(None))
            .order_by(NOTIFICATIONS.c.notification_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [Notification(*row) for row in connection.execute(query)]

    def mark_delivered(self, notification_id: int, at: datetime) -> None:
        """It reached every channel."""
        statement = (
            update(NOTIFICATIONS)
            .where(NOTIFICATIONS.c.notification_id == notification_id, NOTIFICATIONS.c.delivered_at.is_(None))
            .values(delivered_at=at)
        )
        with transaction(self._engine) as connection:
            connection.execute(statement)

    def prune(self, before: datetime) -> int:
        """Drop delivered notifications, closed incidents and changes of checks older than that; how many rows."""
        with transaction(self._engine) as connection:
            return sum(
                connection.execute(delete(moment.table).where(moment < before)).rowcount
                for moment in (NOTIFICATIONS.c.delivered_at, INCIDENTS.c.closed_at, CHECK_CHANGES.c.checked_at)
            )


def _result(row: RowMapping) -> CheckResult:
    values = {column.name: row[column.name] for column in _RESULT}
    return CheckResult(**values | {"name": CheckName(row["name"]), "severity": Severity(row["severity"])})


def _notify(connection: Connection, title: str, body: str, at: datetime) -> None:
    connection.execute(insert(NOTIFICATIONS).values(title=title, body=body, created_at=at))
