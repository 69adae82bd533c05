"""Writes to a remote store, kept in PostgreSQL until the store has confirmed them.

Whoever accepts a write takes the lock of the one row of `store_spool_state` first, so numbers become visible in their
order. Who sends holds an advisory lock of his transaction: a process that dies lets it go, and what it has sent without
saying so is sent once more, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB

from trading_platform.adapters.postgres.engine import reading, transaction
from trading_platform.adapters.postgres.spool_payload import KINDS, from_row, to_row
from trading_platform.adapters.postgres.tables import STORE_SPOOL
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.store_write import PassingWrite, StoreWrite
from trading_platform.ports.series_store import CandleWrite
from trading_platform.ports.store_spool import Spooled, SpoolState

KEPT = "15 minutes"
KEPT_POINTS = 50_000
PASSING_SHARE = 0.8
_LOCK = 4_041_009
_LOCK_SECONDS = 2
_MOST_ROWS, _MOST_POINTS = 500, 5_000
_FORGET_EVERY = 64
_CHANGES = ("inserted", "corrected", "unchanged")

# one statement each: a round trip less is what a write through the spool gains
_APPEND = text(
    """
    WITH taken AS (
        INSERT INTO store_spool_state AS s (last, rows, points) VALUES (1, 1, :points)
        ON CONFLICT (only_row) DO UPDATE SET last = s.last + 1, rows = s.rows + 1, points = s.points + :points
        WHERE s.points + :points <= :bound
        RETURNING last
    )
    INSERT INTO store_spool (number, kind, symbol, interval, payload, points, written_at)
    SELECT last, :kind, :symbol, :interval, :payload, :points, :at FROM taken
    RETURNING number
    """
).bindparams(bindparam("payload", type_=JSONB))
_TAKE_TURN = text(
    "SELECT set_config('lock_timeout', :patience, true), pg_advisory_xact_lock(:lock) FROM (SELECT 1) once"
)
_FIRST = text(
    """
    SELECT number, kind, symbol, interval, payload
    FROM (
        SELECT *, sum(points) OVER (ORDER BY number) - points AS before
        FROM (
            SELECT * FROM store_spool
            WHERE number > (SELECT confirmed FROM store_spool_state)
            ORDER BY number LIMIT :rows
        ) waiting
    ) counted
    WHERE before < :points
    ORDER BY number
    """
)
_CONFIRM = text(
    """
    WITH sent AS (
        SELECT count(*) AS rows, coalesce(sum(w.points), 0) AS points
        FROM store_spool w, store_spool_state c WHERE w.number > c.confirmed AND w.number <= :through
    ), noted AS (
        UPDATE store_spool w SET result = ARRAY[r.inserted, r.corrected, r.unchanged]
        FROM unnest(
            CAST(:numbers AS bigint[]),
            CAST(:inserted AS integer[]), CAST(:corrected AS integer[]), CAST(:unchanged AS integer[])
        ) r (number, inserted, corrected, unchanged)
        WHERE w.number = r.number
    )
    UPDATE store_spool_state s SET confirmed = :through, rows = s.rows - sent.rows, points = s.points - sent.points
    FROM sent
    """
)
_FORGET = text(
    f"""
    WITH old AS (
        SELECT max(number) AS number
        FROM (
            SELECT number, written_at, sum(points) OVER (ORDER BY number DESC) AS points
            FROM store_spool WHERE number <= :through
        ) kept
        WHERE points > :points OR written_at < now() - interval '{KEPT}'
    ), gone AS (
        DELETE FROM store_spool WHERE number <= (SELECT number FROM old)
    )
    UPDATE store_spool_state SET forgotten = old.number FROM old WHERE old.number IS NOT NULL
    """
)
_SET_ASIDE = text(
    """
    INSERT INTO store_refusals (number, kind, symbol, interval, payload, written_at, why)
    SELECT number, kind, symbol, interval, payload, written_at, :why FROM store_spool WHERE number = :number
    """
)
_DELETE = text("DELETE FROM store_spool WHERE number = :number")
_STATE = text(
    """
    SELECT confirmed, rows, points,
           (SELECT written_at FROM store_spool WHERE number > s.confirmed ORDER BY number LIMIT 1),
           (SELECT count(*) FROM store_refusals)
    FROM store_spool_state s
    """
)


class PostgresStoreSpool:
    """Fills the role `StoreSpool`.

    Parameters
    ----------
    durable
        Accepts: what is accepted is on disk.
    quick
        For the rest: a lost confirmation means that the write is sent again.
    """

    def __init__(self, durable: Engine, quick: Engine, bound_points: int) -> None:
        self._durable, self._quick, self._bound = durable, quick, bound_points

    def append(self, write: StoreWrite, at: datetime) -> int:
        """Accept a write; its number."""
        bound = int(self._bound * PASSING_SHARE) if isinstance(write, PassingWrite) else self._bound
        row = {**to_row(write), "points": write.points, "at": at, "bound": bound}
        with reading(self._durable) as connection:  # one statement is a transaction of its own
            number = connection.execute(_APPEND, row).scalar()
        if number is None:
            raise RetryLater(f"the store is away and its spool is full: {self._bound:,} points wait at most")
        return int(number)

    def since(
        self, number: int, *, series: tuple[str, Interval] | None = None, kind: type[StoreWrite] | None = None
    ) -> list[Spooled]:
        """Writes after that number, in order."""
        columns = [STORE_SPOOL.c[name] for name in ("number", "kind", "symbol", "interval", "payload")]
        query = select(*columns).where(STORE_SPOOL.c.number > number).order_by(STORE_SPOOL.c.number)
        if series:
            query = query.where(STORE_SPOOL.c.symbol == series[0], STORE_SPOOL.c.interval == series[1].name)
        if kind:
            query = query.where(STORE_SPOOL.c.kind == KINDS[kind])
        with reading(self._quick) as connection:
            rows = connection.execute(query).all()
            # asked afterwards: rows may be forgotten meanwhile
            forgotten = connection.execute(text("SELECT forgotten FROM store_spool_state")).scalar() or 0
        if forgotten > number:
            raise RetryLater("what this process remembers of the store is too old to be brought up to date")
        return [Spooled(row.number, from_row(*row[1:])) for row in rows]

    def result(self, number: int) -> CandleWrite | None:
        """What writing these candles changed."""
        with reading(self._quick) as connection:
            found = connection.execute(select(STORE_SPOOL.c.result).where(STORE_SPOOL.c.number == number)).scalar()
            return CandleWrite(*found) if found else None

    @contextmanager
    def replaying(self) -> Iterator[PostgresReplay]:
        """Wait a little for the right to send."""
        with transaction(self._quick) as connection:
            connection.execute(_TAKE_TURN, {"patience": f"{_LOCK_SECONDS}s", "lock": _LOCK})
            yield PostgresReplay(connection)

    def state(self) -> SpoolState:
        """How much waits."""
        with reading(self._quick) as connection:
            row = connection.execute(_STATE).first()
            confirmed, rows, points, oldest_at, refused = row or (0, 0, 0, None, 0)
            return SpoolState(confirmed, rows, points, oldest_at, self._bound, refused)


class PostgresReplay:
    """Fills the role `Replay`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent = 0  # through this number

    def first(self) -> Sequence[Spooled]:
        """The first writes that wait, in order."""
        rows = self._connection.execute(_FIRST, {"rows": _MOST_ROWS, "points": _MOST_POINTS})
        waiting = [Spooled(row.number, from_row(*row[1:])) for row in rows]
        self._sent = waiting[0].number - 1 if waiting else 0
        return waiting

    def confirm(self, through: int, results: Mapping[int, CandleWrite] | None = None) -> None:
        """The store has this one and all before it."""
        known = results or {}
        changed = {
            "numbers": [*known],
            **{name: [getattr(each, name) for each in known.values()] for name in _CHANGES},
        }
        self._connection.execute(_CONFIRM, {"through": through, **changed})
        is_large = sum(sum(changed[name]) for name in _CHANGES) > _MOST_POINTS
        if is_large or self._sent // _FORGET_EVERY < through // _FORGET_EVERY:
            self._connection.execute(_FORGET, {"through": through, "points": KEPT_POINTS})
        self._sent = through

    def refuse(self, number: int, why: str, *, is_told: bool) -> None:
        """The store will never take this one."""
        if not is_told:
            self._connection.execute(_SET_ASIDE, {"number": number, "why": why})
        self.confirm(number)
        self._connection.execute(_DELETE, {"number": number})
