"""Positions and the account's worth over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, bindparam, func, or_, select, text, update

from trading_platform.adapters.postgres.ledger import accounts
from trading_platform.adapters.postgres.ledger.writes import Write, change, insertion
from trading_platform.adapters.postgres.tables import EQUITY, POSITIONS
from trading_platform.domain.booking import book_position
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order
from trading_platform.domain.position import Position
from trading_platform.ports.ledger import EquityPoint

_FIELDS = [column for column in POSITIONS.c if column is not POSITIONS.c.position_id]
_NEWEST = (
    select(POSITIONS)
    .where(POSITIONS.c.account == bindparam("account"), POSITIONS.c.symbol == bindparam("symbol"))
    .order_by(POSITIONS.c.position_id.desc())
    .limit(1)
)
# as text: SQLAlchemy compiles an INSERT with ON CONFLICT anew each time, which took longer than the database
_RECORD_EQUITY = text(
    """
    INSERT INTO equity (account, venue_minute, venue_time, cash_quote, positions_quote, recorded_at)
    VALUES (:account, :venue_minute, :venue_time, :cash_quote, :positions_quote, :recorded_at)
    ON CONFLICT (account, venue_minute) DO UPDATE
    SET venue_time = excluded.venue_time, cash_quote = excluded.cash_quote,
        positions_quote = excluded.positions_quote, recorded_at = excluded.recorded_at
    """
)
# looked up one by one in the index: of a year's points the others aren't read
_COURSE = text(
    """
    WITH span AS (
        SELECT min(venue_minute) AS first,
               (extract(epoch FROM max(venue_minute) - min(venue_minute)) / 60)::bigint AS minutes
        FROM equity WHERE account = :account
    )
    SELECT DISTINCT ON (point.venue_minute)
           point.account, point.venue_time, point.cash_quote, point.positions_quote, point.recorded_at
    FROM span, generate_series(0, :steps) AS step
    CROSS JOIN LATERAL (
        SELECT * FROM equity
        WHERE account = :account AND venue_minute <= first + make_interval(mins => (minutes * step / :steps)::int)
        ORDER BY venue_minute DESC LIMIT 1
    ) AS point
    ORDER BY point.venue_minute
    """
)
_POINT = [EQUITY.c[name] for name in ("account", "venue_time", "cash_quote", "positions_quote", "recorded_at")]


def open_positions(connection: Connection, account: str) -> list[Position]:
    """Positions that are open, by symbol."""
    query = select(*_FIELDS).where(POSITIONS.c.account == account, POSITIONS.c.closed_at.is_(None))
    return [Position(**row) for row in connection.execute(query.order_by(POSITIONS.c.symbol)).mappings()]


def closed_trades(
    connection: Connection, account: str, limit: int, strategy: str | None, since: datetime | None
) -> list[Position]:
    """Positions that were closed, newest close first, those of one moment by symbol."""
    is_trade = or_(POSITIONS.c.invested_quote > 0, POSITIONS.c.realized_pnl_quote != 0)  # as `Position.is_trade`
    query = select(*_FIELDS).where(POSITIONS.c.account == account, POSITIONS.c.closed_at.is_not(None), is_trade)
    if strategy is not None:
        query = query.where(POSITIONS.c.strategy == strategy)
    if since is not None:
        query = query.where(POSITIONS.c.closed_at > since)
    newest = (POSITIONS.c.closed_at.desc(), POSITIONS.c.symbol, POSITIONS.c.position_id.desc())
    return [Position(**row) for row in connection.execute(query.order_by(*newest).limit(limit)).mappings()]


def position_entered_by(
    connection: Connection, account: str, symbol: str, strategy: str, candle_close: datetime
) -> Position | None:
    """The strategy's newest position whose entry candle had closed by then."""
    query = select(*_FIELDS).where(
        POSITIONS.c.account == account,
        POSITIONS.c.symbol == symbol,
        POSITIONS.c.strategy == strategy,
        POSITIONS.c.entry_candle_close <= candle_close,
    )
    row = connection.execute(query.order_by(POSITIONS.c.position_id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else Position(**row)


def last_closed_at(connection: Connection, account: str, symbol: str) -> datetime | None:
    """Venue time at which the symbol's newest position was closed."""
    query = select(func.max(POSITIONS.c.closed_at)).where(POSITIONS.c.account == account, POSITIONS.c.symbol == symbol)
    newest: datetime | None = connection.execute(query).scalar()
    return newest


def writes_of_fills(
    connection: Connection, order: Order, entry_candle_close: datetime, fills: Sequence[Fill], instrument: Instrument
) -> list[Write]:
    """The statements that open, change or close the symbol's position; the account is locked by the caller."""
    held = {"account": order.account, "symbol": order.symbol}
    row = connection.execute(_NEWEST, held).mappings().one_or_none()
    known = None if row is None else Position(**{field.name: row[field] for field in _FIELDS})
    booking = book_position(known, order, entry_candle_close, fills, instrument)
    writes = []
    if row is not None and booking.known is not None and booking.known != known:
        writes.append(change(POSITIONS, {"position_id": row["position_id"]}, asdict(booking.known)))
    if booking.opened is not None:
        writes.append(insertion(POSITIONS, asdict(booking.opened)))
    return writes


def cut(connection: Connection, account: str, instrument: Instrument, at: datetime) -> Position | None:
    """Make the symbol's open position hold no more than there is of its base; None if it doesn't."""
    known = _locked(connection, account, instrument.symbol)
    balance = accounts.read_balances(connection, account).get(instrument.base, accounts.NOTHING)
    after = known and known.cut_to(balance.total, instrument, at)
    return None if after is None or after == known else _replace(connection, after)


def close_dust(
    connection: Connection, account: str, instrument: Instrument, price: Decimal, at: datetime
) -> Position | None:
    """Close the symbol's open position if what it holds can't be sold at the price; None if it can."""
    known = _locked(connection, account, instrument.symbol)
    if known is None or instrument.is_tradable(instrument.floor_quantity(known.quantity), price):
        return None
    return _replace(connection, known.left_as_dust(at))


def _locked(connection: Connection, account: str, symbol: str) -> Position | None:
    """The symbol's open position, with its account locked."""
    if accounts.lock(connection, account) is None:
        raise accounts.unknown_account(account)
    return next((each for each in open_positions(connection, account) if each.symbol == symbol), None)


def _replace(connection: Connection, after: Position) -> Position:
    """Write the open position as it is afterwards."""
    accounts.revise(connection, after.account)
    statement = update(POSITIONS).where(
        POSITIONS.c.account == after.account, POSITIONS.c.symbol == after.symbol, POSITIONS.c.closed_at.is_(None)
    )
    connection.execute(statement.values(asdict(after)))
    return after


def record_equity(connection: Connection, point: EquityPoint) -> None:
    """Insert or replace the point of that minute of the venue's clock."""
    minute = point.venue_time.replace(second=0, microsecond=0)
    connection.execute(_RECORD_EQUITY, {"venue_minute": minute, **asdict(point)})


def equity_history(connection: Connection, account: str, limit: int) -> list[EquityPoint]:
    """Newest so many points, ascending."""
    newest = select(*_POINT).where(EQUITY.c.account == account).order_by(EQUITY.c.venue_minute.desc()).limit(limit)
    return [EquityPoint(*row) for row in reversed(connection.execute(newest).all())]


def equity_course(connection: Connection, account: str, steps: int) -> list[EquityPoint]:
    """The whole history thinned out, ascending."""
    return [EquityPoint(*row) for row in connection.execute(_COURSE, {"account": account, "steps": steps})]
