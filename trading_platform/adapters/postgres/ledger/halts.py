"""The kill switch. It is pulled under the account's lock, as reservations are made: one of the two comes first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from trading_platform.adapters.postgres.ledger import accounts, marks
from trading_platform.adapters.postgres.tables import HALTS
from trading_platform.domain.errors import AccountHalted
from trading_platform.domain.halt import Halt

_IN_FORCE = HALTS.c.resumed_at.is_(None)


def halt(connection: Connection, wanted: Halt) -> Halt:
    """Halt the account, or add `flatten` to the halt that is in force; the one in force afterwards."""
    accounts.revise(connection, wanted.account)
    known = in_force(connection, wanted.account)
    if known is None:
        connection.execute(
            insert(HALTS).values(
                account=wanted.account,
                halted_by=wanted.by,
                reason=wanted.reason,
                flatten=wanted.flatten,
                halted_at=wanted.halted_at,
                venue_time=wanted.venue_time,
            )
        )
    elif wanted.flatten and not known.flatten:
        connection.execute(update(HALTS).where(HALTS.c.halt_id == known.number).values(flatten=True))
    now = in_force(connection, wanted.account)
    assert now is not None  # the account is locked
    return now


def resume(
    connection: Connection, account: str, *, by: str, reason: str, at: datetime, venue_time: datetime
) -> Halt | None:
    """End the halt and begin the drawdown anew; the halt as it ended, None if there was none."""
    accounts.revise(connection, account)
    known = in_force(connection, account)
    if known is None:
        return None
    ended = {"resumed_at": at, "resumed_venue_time": venue_time, "resumed_by": by, "resume_reason": reason}
    connection.execute(update(HALTS).where(HALTS.c.halt_id == known.number).values(ended))
    stored = marks.read(connection, account)
    if stored is not None:
        marks.write(connection, account, stored.after_resume())
    return _halt(connection.execute(select(HALTS).where(HALTS.c.halt_id == known.number)).one())


def in_force(connection: Connection, account: str) -> Halt | None:
    """The halt that isn't ended."""
    row = connection.execute(select(HALTS).where(HALTS.c.account == account, _IN_FORCE)).one_or_none()
    return None if row is None else _halt(row)


def refuse_while_halted(connection: Connection, account: str) -> None:
    """Raise AccountHalted while a halt is in force; the caller holds the account's lock."""
    halt_ = in_force(connection, account)
    if halt_ is not None:
        raise AccountHalted(halt_.told)


def newest(connection: Connection, account: str, limit: int) -> list[Halt]:
    """Newest first."""
    query = select(HALTS).where(HALTS.c.account == account).order_by(HALTS.c.halt_id.desc()).limit(limit)
    return [_halt(row) for row in connection.execute(query)]


def _halt(row: Row[Any]) -> Halt:
    return Halt(
        account=row.account,
        by=row.halted_by,
        reason=row.reason,
        halted_at=row.halted_at,
        venue_time=row.venue_time,
        flatten=row.flatten,
        number=row.halt_id,
        resumed_at=row.resumed_at,
        resumed_venue_time=row.resumed_venue_time,
        resumed_by=row.resumed_by,
        resume_reason=row.resume_reason,
    )
