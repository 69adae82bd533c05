"""What equity is measured against, and the entries that the account rules look at."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, select, text

from trading_platform.adapters.postgres.ledger import accounts
from trading_platform.adapters.postgres.tables import DECISIONS, EQUITY_MARKS
from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import LegKind
from trading_platform.ports.ledger import EquityPoint

_VALUES = [EQUITY_MARKS.c[name] for name in ("peak_quote", "day", "day_open_quote", "last_quote")]

# as text: SQLAlchemy compiles an INSERT with ON CONFLICT anew each time, which took longer than the database
_WRITE = text(
    """
    INSERT INTO equity_marks (account, peak_quote, day, day_open_quote, last_quote)
    VALUES (:account, :peak_quote, :day, :day_open_quote, :last_quote)
    ON CONFLICT (account) DO UPDATE
    SET peak_quote = excluded.peak_quote, day = excluded.day, day_open_quote = excluded.day_open_quote,
        last_quote = excluded.last_quote
    """
)


def mark_equity(connection: Connection, point: EquityPoint, at_revision: int) -> EquityMarks | None:
    """Move the marks on, unless the account has changed since it was valued; the marks afterwards."""
    revision = accounts.lock(connection, point.account)
    if revision is None:
        raise accounts.unknown_account(point.account)
    known = read(connection, point.account)
    if revision != at_revision:
        return known
    equity, at = point.equity_quote, point.venue_time
    moved = EquityMarks.beginning(equity, at) if known is None else known.after(equity, at)
    if moved != known:
        write(connection, point.account, moved)
    return moved


def read(connection: Connection, account: str) -> EquityMarks | None:
    """The marks; None before the first valuation."""
    row = connection.execute(select(*_VALUES).where(EQUITY_MARKS.c.account == account)).one_or_none()
    return None if row is None else EquityMarks(*row)


def write(connection: Connection, account: str, marks: EquityMarks | None) -> None:
    """Store the marks; None lets them begin anew at the next valuation."""
    if marks is None:
        connection.execute(delete(EQUITY_MARKS).where(EQUITY_MARKS.c.account == account))
        return
    connection.execute(_WRITE, {"account": account, **asdict(marks)})


def entries_since(connection: Connection, account: str, since: datetime) -> list[datetime]:
    """Venue times of the entries approved after `since`, ascending."""
    query = select(DECISIONS.c.venue_time).where(
        DECISIONS.c.account == account,
        DECISIONS.c.reason == ReasonCode.APPROVED,
        DECISIONS.c.leg.startswith(LegKind.ENTRY),
        DECISIONS.c.venue_time > since,
    )
    return list(connection.execute(query.order_by(DECISIONS.c.venue_time)).scalars())
