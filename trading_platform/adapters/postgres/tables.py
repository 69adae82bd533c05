"""The tables, as far as queries need them; constraints, triggers and comments are the migrations' business.

A test holds the columns to what the migrations create.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    FetchedValue,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA = MetaData()
_TIME = DateTime(timezone=True)


def _id(name: str) -> Column[int]:
    return Column(name, BigInteger, FetchedValue(), primary_key=True)


ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("quote", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("revision", BigInteger, FetchedValue(), nullable=False),
    Column("opened_at", _TIME, nullable=False),
    Column("reconciled_at", _TIME),
    Column("reconciled_venue_time", _TIME),
)

BALANCES = Table(
    "balances",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("total", Numeric, nullable=False),
    Column("reserved", Numeric, FetchedValue(), nullable=False),
    Column("updated_at", _TIME, nullable=False),
)

BALANCE_CHANGES = Table(
    "balance_changes",
    METADATA,
    _id("change_id"),
    Column("account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("client_order_id", Text),
    Column("total_before", Numeric, nullable=False),
    Column("total_after", Numeric, nullable=False),
    Column("missing", Numeric, FetchedValue(), nullable=False),
    Column("changed_at", _TIME, nullable=False),
)

SIGNALS = Table(
    "signals",
    METADATA,
    Column("signal_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("strategy_version", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("candle_close", _TIME, nullable=False),
    Column("direction", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("recorded_at", _TIME, nullable=False),
    Column("decided_at", _TIME),
)

STRATEGY_PROGRESS = Table(
    "strategy_progress",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("strategy", Text, primary_key=True),
    Column("strategy_version", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("evaluated_through", _TIME, nullable=False),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    _id("decision_id"),
    Column("account", Text, nullable=False),
    Column("signal_id", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("decided_at", _TIME, nullable=False),
    Column("venue_time", _TIME, nullable=False),
    Column("details", JSONB, nullable=False),
)

ORDERS = Table(
    "orders",
    METADATA,
    Column("client_order_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("signal_id", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("status", Text, nullable=False),
    Column("filled_quantity", Numeric, FetchedValue(), nullable=False),
    Column("venue_order_id", Text),
    Column("created_at", _TIME, nullable=False),
    Column("submitted_at", _TIME),
    Column("kind", Text, FetchedValue(), nullable=False),
    Column("limit_price", Numeric),
    Column("stop_price", Numeric),
    Column("list_id", Text),
    Column("expires_at", _TIME),
    Column("cancel_requested_at", _TIME),
    Column("asked_at", _TIME),
)

ORDER_EVENTS = Table(
    "order_events",
    METADATA,
    _id("event_id"),
    Column("client_order_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("code", Text),
    Column("at", _TIME, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, FetchedValue(), nullable=False),
)

RESERVATIONS = Table(
    "reservations",
    METADATA,
    Column("client_order_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("remaining", Numeric, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("ended_at", _TIME),
)

FILLS = Table(
    "fills",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("venue_trade_id", Text, primary_key=True),
    Column("client_order_id", Text, nullable=False),
    Column("price", Numeric, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("fee", Numeric, nullable=False),
    Column("fee_asset", Text, nullable=False),
    Column("filled_at", _TIME, nullable=False),
    Column("recorded_at", _TIME, nullable=False),
)

POSITIONS = Table(
    "positions",
    METADATA,
    _id("position_id"),
    Column("account", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("entry_candle_close", _TIME, nullable=False),
    Column("opened_at", _TIME, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("bought_quantity", Numeric, nullable=False),
    Column("cost_quote", Numeric, nullable=False),
    Column("realized_pnl_quote", Numeric, nullable=False),
    Column("closed_at", _TIME),
    Column("invested_quote", Numeric, FetchedValue(), nullable=False),
)

EQUITY = Table(
    "equity",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("venue_minute", _TIME, primary_key=True),
    Column("venue_time", _TIME, nullable=False),
    Column("cash_quote", Numeric, nullable=False),
    Column("positions_quote", Numeric, nullable=False),
    Column("equity_quote", Numeric, FetchedValue()),
    Column("recorded_at", _TIME, nullable=False),
)

CANDLES = Table(
    "candles",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("open_time", _TIME, primary_key=True),
    Column("open", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Column("low", Numeric, nullable=False),
    Column("close", Numeric, nullable=False),
    Column("volume", Numeric, nullable=False),
    Column("source", Text, nullable=False),
    Column("received_at", _TIME, nullable=False),
    Column("revision", Integer, FetchedValue(), nullable=False),
)

CANDLE_CORRECTIONS = Table(
    "candle_corrections",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("open_time", _TIME, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("open", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Column("low", Numeric, nullable=False),
    Column("close", Numeric, nullable=False),
    Column("volume", Numeric, nullable=False),
    Column("source", Text, nullable=False),
    Column("received_at", _TIME, nullable=False),
)

CANDLE_GAPS = Table(
    "candle_gaps",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("first_missing", _TIME, primary_key=True),
    Column("last_missing", _TIME, nullable=False),
    Column("candles", Integer, nullable=False),
    Column("confirmed_at", _TIME, nullable=False),
)

TICKERS = Table(
    "tickers",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("bid", Numeric, nullable=False),
    Column("ask", Numeric, nullable=False),
    Column("last", Numeric, nullable=False),
    Column("venue_time", _TIME, nullable=False),
    Column("received_at", _TIME, nullable=False),
    Column("source", Text, FetchedValue(), nullable=False),
)

INDICATORS = Table(
    "indicators",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("open_time", _TIME, primary_key=True),
    Column("values", JSONB, nullable=False),
)

PLATFORM_METRICS = Table(
    "platform_metrics",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("at", _TIME, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("value", Double, nullable=False),
)

CHECK_RESULTS = Table(
    "check_results",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("passed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("data_time", _TIME),
    Column("checked_at", _TIME, nullable=False),
    Column("severity", Text, nullable=False),
    Column("since", _TIME, nullable=False),
)

CHECK_CHANGES = Table(
    "check_changes",
    METADATA,
    _id("change_id"),
    Column("symbol", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("data_time", _TIME),
    Column("checked_at", _TIME, nullable=False),
    Column("severity", Text, nullable=False),
)

INCIDENTS = Table(
    "incidents",
    METADATA,
    _id("incident_id"),
    Column("key", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("opened_at", _TIME, nullable=False),
    Column("closed_at", _TIME),
)

NOTIFICATIONS = Table(
    "notifications",
    METADATA,
    _id("notification_id"),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("delivered_at", _TIME),
)

REQUEST_LEVELS = Table(
    "request_levels",
    METADATA,
    Column("venue", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("level", Double, nullable=False),
    Column("at", _TIME, nullable=False),
)

REQUEST_SILENCES = Table(
    "request_silences",
    METADATA,
    Column("venue", Text, primary_key=True),
    Column("until", _TIME, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("set_at", _TIME, nullable=False),
)

REQUEST_CIRCUITS = Table(
    "request_circuits",
    METADATA,
    Column("venue", Text, primary_key=True),
    Column("group", Text, primary_key=True),
    Column("process", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", _TIME, nullable=False),
    Column("noted_at", _TIME, nullable=False),
    Column("retry_at", _TIME),
)

STREAM_STATUSES = Table(
    "stream_statuses",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", _TIME, nullable=False),
    Column("last_event_at", _TIME),
    Column("heartbeat_at", _TIME, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("out_of_order", BigInteger, nullable=False),
    Column("malformed", BigInteger, nullable=False),
    Column("reconnects", BigInteger, nullable=False),
    Column("trades", BigInteger, nullable=False),
    Column("last_trade_at", _TIME),
)

STREAM_CHANGES = Table(
    "stream_changes",
    METADATA,
    _id("change_id"),
    Column("symbol", Text, nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", _TIME, nullable=False),
)

STORE_SPOOL = Table(
    "store_spool",
    METADATA,
    Column("number", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("points", Integer, nullable=False),
    Column("written_at", _TIME, nullable=False),
    Column("result", ARRAY(Integer)),
)

STORE_REFUSALS = Table(
    "store_refusals",
    METADATA,
    Column("number", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("written_at", _TIME, nullable=False),
    Column("refused_at", _TIME, FetchedValue(), nullable=False),
    Column("why", Text, nullable=False),
)

STORE_SPOOL_STATE = Table(
    "store_spool_state",
    METADATA,
    Column("only_row", Boolean, FetchedValue(), primary_key=True),
    Column("last", BigInteger, FetchedValue(), nullable=False),
    Column("confirmed", BigInteger, FetchedValue(), nullable=False),
    Column("forgotten", BigInteger, FetchedValue(), nullable=False),
    Column("rows", BigInteger, FetchedValue(), nullable=False),
    Column("points", BigInteger, FetchedValue(), nullable=False),
)

HALTS = Table(
    "halts",
    METADATA,
    _id("halt_id"),
    Column("account", Text, nullable=False),
    Column("halted_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("flatten", Boolean, nullable=False),
    Column("halted_at", _TIME, nullable=False),
    Column("venue_time", _TIME, nullable=False),
    Column("resumed_at", _TIME),
    Column("resumed_venue_time", _TIME),
    Column("resumed_by", Text, FetchedValue(), nullable=False),
    Column("resume_reason", Text, FetchedValue(), nullable=False),
)

EQUITY_MARKS = Table(
    "equity_marks",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("peak_quote", Numeric, nullable=False),
    Column("day", Date, nullable=False),
    Column("day_open_quote", Numeric, nullable=False),
    Column("last_quote", Numeric, nullable=False),
)

TRANSFERS = Table(
    "transfers",
    METADATA,
    _id("transfer_id"),
    Column("account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("venue_time", _TIME, nullable=False),
    Column("recorded_at", _TIME, nullable=False),
    Column("amount_quote", Numeric),
    Column("equity_before_quote", Numeric),
    Column("venue_id", Text, nullable=False),
)

BALANCE_DIFFERENCES = Table(
    "balance_differences",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("ledger_total", Numeric, nullable=False),
    Column("venue_total", Numeric, nullable=False),
    Column("value_quote", Numeric),
    Column("cause", Text, nullable=False),
    Column("found_at", _TIME, nullable=False),
    Column("seen_at", _TIME, nullable=False),
)

ARMINGS = Table(
    "armings",
    METADATA,
    _id("arming_id"),
    Column("account", Text, nullable=False),
    Column("venue", Text, nullable=False),
    Column("armed_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("armed_at", _TIME, nullable=False),
    Column("disarmed_at", _TIME),
)
