"""Signals, how far each strategy has judged, and decisions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime

from sqlalchemy import Connection, Row, RowMapping, Select, exists, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from trading_platform.adapters.postgres.ledger.writes import Write, execute, insertion
from trading_platform.adapters.postgres.tables import DECISIONS, ORDERS, SIGNALS, STRATEGY_PROGRESS
from trading_platform.domain.order import Side
from trading_platform.domain.position import Position
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import Decision, StrategySeries

_DECISION = [column for column in DECISIONS.c if column is not DECISIONS.c.decision_id]
_REPEATED = """
ON CONFLICT (signal_id, leg, reason) DO UPDATE SET
    message = excluded.message, decided_at = excluded.decided_at, venue_time = excluded.venue_time,
    is_final = decisions.is_final OR excluded.is_final
"""
_DECIDED = "UPDATE signals SET decided_at = :at WHERE signal_id = :signal_id AND decided_at IS NULL"
_SERIES = ("account", "strategy", "strategy_version", "symbol", "interval")

# as text: SQLAlchemy compiles an INSERT with ON CONFLICT anew each time, which took longer than the database
_MARK_EVALUATED = text(
    """
    INSERT INTO strategy_progress (account, strategy, strategy_version, symbol, interval, evaluated_through)
    SELECT :account, r.* FROM unnest(
        CAST(:strategies AS text[]), CAST(:versions AS text[]), CAST(:symbols AS text[]),
        CAST(:intervals AS text[]), CAST(:moments AS timestamptz[])
    ) r
    ON CONFLICT (account, strategy, strategy_version, symbol, interval) DO UPDATE
    SET evaluated_through = excluded.evaluated_through
    WHERE strategy_progress.evaluated_through < excluded.evaluated_through
    """
)


def record_signals(connection: Connection, signals: Sequence[Signal], recorded_at: datetime) -> int:
    """Insert those that are new; how many were."""
    if not signals:
        return 0
    distinct = {signal.signal_id: signal for signal in signals}
    rows = [
        {
            "signal_id": signal_id,
            **{name: getattr(signal, name) for name in _SERIES},
            "candle_close": signal.candle_close,
            "direction": signal.direction,
            "reason": signal.reason,
            "evidence": dict(signal.evidence),
            "recorded_at": recorded_at,
        }
        for signal_id, signal in sorted(distinct.items())
    ]
    return connection.execute(insert(SIGNALS).values(rows).on_conflict_do_nothing()).rowcount


def mark_evaluated(connection: Connection, account: str, through: Mapping[StrategySeries, datetime]) -> None:
    """Move each series' progress on, never back."""
    if not through:
        return
    # rows are locked in the same order by every writer
    ordered = sorted(through.items(), key=lambda item: astuple(item[0]))
    connection.execute(
        _MARK_EVALUATED,
        {
            "account": account,
            "strategies": [series.strategy for series, _ in ordered],
            "versions": [series.strategy_version for series, _ in ordered],
            "symbols": [series.symbol for series, _ in ordered],
            "intervals": [series.interval for series, _ in ordered],
            "moments": [moment for _, moment in ordered],
        },
    )


def evaluated_through(connection: Connection, account: str) -> dict[StrategySeries, datetime]:
    """Open time of the newest judged candle of every series."""
    columns = [STRATEGY_PROGRESS.c[name] for name in (*_SERIES[1:], "evaluated_through")]
    rows = connection.execute(select(*columns).where(STRATEGY_PROGRESS.c.account == account))
    return {StrategySeries(*row[:-1]): row[-1] for row in rows}


def open_signals(connection: Connection, account: str) -> list[Signal]:
    """Signals without a final decision, oldest candle close first."""
    query = _signals(account).where(SIGNALS.c.decided_at.is_(None))
    rows = connection.execute(query.order_by(SIGNALS.c.candle_close, SIGNALS.c.signal_id))
    return [_signal(row) for row in rows]


def entry_signal(connection: Connection, position: Position) -> Signal | None:
    """The signal whose entry opened the position."""
    query = (
        _signals(position.account)
        .join(ORDERS, ORDERS.c.signal_id == SIGNALS.c.signal_id)
        .where(
            SIGNALS.c.symbol == position.symbol,
            SIGNALS.c.strategy == position.strategy,
            SIGNALS.c.candle_close == position.entry_candle_close,
            ORDERS.c.side == Side.BUY,
            ORDERS.c.filled_quantity > 0,
        )
        .order_by(ORDERS.c.created_at.desc(), ORDERS.c.client_order_id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _signal(row)


def recent_signals(
    connection: Connection, account: str, limit: int, symbol: str | None, strategy: str | None
) -> list[Signal]:
    """Newest candle close first."""
    query = _signals(account)
    if symbol is not None:
        query = query.where(SIGNALS.c.symbol == symbol)
    if strategy is not None:
        query = query.where(SIGNALS.c.strategy == strategy)
    rows = connection.execute(query.order_by(SIGNALS.c.candle_close.desc(), SIGNALS.c.signal_id).limit(limit))
    return [_signal(row) for row in rows]


def signals_named(connection: Connection, account: str, name: str, limit: int) -> list[Signal]:
    """Signals whose own id, or an order's, begins so; newest candle close first."""
    of_order = exists().where(
        ORDERS.c.signal_id == SIGNALS.c.signal_id,
        or_(ORDERS.c.client_order_id.startswith(name, autoescape=True), ORDERS.c.venue_order_id == name),
    )
    query = _signals(account).where(or_(SIGNALS.c.signal_id.startswith(name, autoescape=True), of_order))
    rows = connection.execute(query.order_by(SIGNALS.c.candle_close.desc(), SIGNALS.c.signal_id).limit(limit))
    return [_signal(row) for row in rows]


def record_decision(connection: Connection, decision: Decision) -> None:
    """Store it; a repeated one updates time and message. A final one closes its signal."""
    execute(connection, writes_of(decision))


def writes_of(decision: Decision) -> list[Write]:
    """The statements that store the decision."""
    row = {
        "account": decision.account,
        "signal_id": decision.signal_id,
        "leg": decision.leg,
        "reason": decision.reason,
        "message": decision.message,
        "is_final": decision.is_final,
        "decided_at": decision.decided_at,
        "venue_time": decision.venue_time,
        "details": json.dumps(dict(decision.details)),
    }
    stored = insertion(DECISIONS, row)
    writes = [Write(stored.sql + _REPEATED, stored.values)]
    if decision.is_final:
        writes.append(Write(_DECIDED, {"signal_id": decision.signal_id, "at": decision.decided_at}))
    return writes


def recent_decisions(connection: Connection, account: str, limit: int) -> list[Decision]:
    """Newest decisions first."""
    query = (
        select(*_DECISION)
        .where(DECISIONS.c.account == account)
        .order_by(DECISIONS.c.decided_at.desc(), DECISIONS.c.decision_id.desc())
        .limit(limit)
    )
    return [_decision(row) for row in connection.execute(query).mappings()]


def decisions_about(connection: Connection, account: str, signal_id: str) -> list[Decision]:
    """All decisions of one signal, oldest first."""
    query = select(*_DECISION).where(DECISIONS.c.account == account, DECISIONS.c.signal_id == signal_id)
    oldest_first = query.order_by(DECISIONS.c.decided_at, DECISIONS.c.decision_id)
    return [_decision(row) for row in connection.execute(oldest_first).mappings()]


def _decision(row: RowMapping) -> Decision:
    return Decision(**{**row, "reason": ReasonCode(row["reason"])})


def _signals(account: str) -> Select[tuple[object, ...]]:
    names = (*_SERIES, "candle_close", "direction", "reason", "evidence")
    return select(*(SIGNALS.c[name] for name in names)).where(SIGNALS.c.account == account)


def _signal(row: Row[tuple[object, ...]]) -> Signal:
    values = dict(row._mapping)
    return Signal(**{**values, "direction": Direction(values["direction"])})
