"""The status as a person and as a program see it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.circuit import Circuit, CircuitState
from trading_platform.domain.order import Order, OrderKind, OrderStatus, Side
from trading_platform.domain.request_limits import RequestGroup
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.ledger import Decision
from trading_platform.runtime.status import PlatformStatus, ProcessStatus
from trading_platform.runtime.status_tables import _number
from trading_platform.runtime.view import as_line, as_text, to_json

NOW = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)


def test_a_person_sees_what_runs_what_is_stale_and_the_money(status: PlatformStatus) -> None:
    text = as_text(status)

    for wanted in ("http://127.0.0.1:3000", "backoff (Exited too quickly)", "84349.95", "none yet", "stale"):
        assert wanted in text
    assert "USDT 84.54 (50.3 reserved)" in text
    assert "ETH/USDT 1m is stale" in text
    assert "secret" not in text


def test_a_signal_stands_beside_what_became_of_it(status: PlatformStatus) -> None:
    assert status.summary is not None
    said = Signal("main", "trend_following", "1", "BTC/USDT", "1m", NOW, Direction.LONG, "crossed above")
    decisions = [
        Decision("main", said.signal_id, "entry", reason, "", True, NOW, NOW)
        for reason in (ReasonCode.SIGNAL_EXPIRED, ReasonCode.COOLDOWN)  # newest first, as the ledger tells them
    ]

    text = as_text(replace(status, summary=replace(status.summary, signals=[said], decisions=decisions)))

    assert "signal expired" in text
    assert "cooling down" not in text


def test_what_explain_asks_for_stands_beside_signals_and_orders(status: PlatformStatus) -> None:
    said = Signal("main", "trend_following", "1", "BTC/USDT", "1m", NOW, Direction.LONG, "crossed above")
    stop = Order(
        *("tpb6efa7a7bf4b3b43a576ec5c39ca60", "main", said.signal_id, "stop", "trend_following", "SOL/USDT", Side.SELL),
        *(Decimal("0.1"), OrderStatus.OPEN, Decimal(0), "SOL", Decimal("0.1"), NOW, NOW),
        kind=OrderKind.STOP_LOSS,
        stop_price=Decimal("247.78000000"),
    )
    seen = _seen(status, signals=[said], orders=[stop])

    text = as_text(seen)

    assert said.signal_id[:10] in text
    assert stop.client_order_id[:10] in text
    assert "stop loss   247.78 " in text
    assert json.loads(to_json(seen))["summary"]["signals"][0]["signal_id"] == said.signal_id


def test_a_log_gets_one_line(status: PlatformStatus) -> None:
    line = as_line(status)

    assert "\n" not in line
    assert "1/2 processes run" in line
    assert "1 of 2 series stale" in line
    assert "INCIDENT ETH/USDT 1m is stale" in line


def test_a_log_is_told_once_of_a_halt(status: PlatformStatus) -> None:
    assert status.summary is not None
    [stale, *_] = status.summary.incidents
    halted = "halted by owner at 2025-03-01 12:00:00 UTC: looking"
    told = replace(stale, summary=f"main is {halted}. To go on: trading-platform resume")
    line = as_line(_seen(status, stops_buying=[halted], incidents=[stale, told]))
    assert line.count("halted by owner") == 1
    assert "INCIDENT ETH/USDT 1m is stale" in line


def test_a_program_gets_everything(status: PlatformStatus) -> None:
    seen = json.loads(to_json(status))

    assert seen["database_url"] == status.database_url
    assert seen["processes"][1]["restarts"] == 4
    assert seen["summary"]["equity_quote"] == "84.54"
    assert datetime.fromisoformat(seen["summary"]["time"]["now"]) == NOW


def test_books_that_cannot_be_read_are_told_as_such(status: PlatformStatus) -> None:
    blind = replace(status, summary=None, trouble="PostgreSQL doesn't answer")

    assert "PostgreSQL doesn't answer" in as_text(blind)
    assert "PostgreSQL doesn't answer" in as_line(blind)


def test_a_platform_that_is_starting_has_no_trouble_yet(status: PlatformStatus) -> None:
    waiting = ProcessStatus("watcher", "STOPPED", None, None, 0, "Not started")
    starting = replace(status, summary=None, trouble="lacks the schema", processes=(*status.processes, waiting))

    for told in (as_text(starting), as_line(starting)):
        assert "starting" in told
        assert "lacks the schema" not in told


def test_money_and_trouble_show_though_the_market_data_cannot_be_read(status: PlatformStatus) -> None:
    silent = _seen(status, freshness=(), prices={}, equity=None, market_trouble="InfluxDB doesn't answer")

    text, line = as_text(silent), as_line(silent)
    assert "The market data can't be read now: InfluxDB doesn't answer" in text
    assert "USDT 84.54 (50.3 reserved)" in text
    assert "ETH/USDT 1m is stale" in text
    assert "market data can't be read: InfluxDB doesn't answer" in line
    assert "data fresh" not in line


def test_passwords_are_in_no_repr(status: PlatformStatus) -> None:
    assert "secret" not in repr(status)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=8))
def test_numbers_are_shown_whole_and_plain(value: Decimal) -> None:
    shown = _number(value)

    assert Decimal(shown) == value
    assert "E" not in shown


def test_what_is_left_alone_is_told_with_its_reason(status: PlatformStatus) -> None:
    alone = Circuit(
        "the venue", RequestGroup.MARKET_DATA, "worker-market", CircuitState.HALF_OPEN, "HTTP 503", NOW, NOW, NOW
    )
    asked = replace(alone, group=RequestGroup.ACCOUNT, state=CircuitState.CLOSED)
    store = replace(alone, venue="the store", group=None, process="stream")
    also = replace(store, process="watcher")
    seen = _seen(status, circuits=[alone, asked, store, also])

    text = " ".join(as_text(seen).split())
    assert "left alone: market data of the venue, by worker-market since 12:00:30 (half-open): HTTP 503" in text
    by = "stream since 12:00:30 (half-open), watcher since 12:00:30 (half-open)"
    assert f"left alone: the store, by {by}: HTTP 503" in text
    assert "account" not in text
    assert as_line(seen).count("market data of the venue is left alone") == 1
    assert as_line(seen).count("the store is left alone") == 1
    states = [circuit["state"] for circuit in json.loads(to_json(seen))["summary"]["circuits"]]
    assert states == ["half_open", "closed", "half_open", "half_open"]


def _seen(status: PlatformStatus, **changes: object) -> PlatformStatus:
    assert status.summary is not None
    return replace(status, summary=replace(status.summary, **changes))  # type: ignore[arg-type]


def test_where_prices_come_from_stands_beside_each_symbol(status: PlatformStatus) -> None:
    rows = {line.split()[0]: line for line in as_text(status).splitlines() if "USDT 1m" in line}

    assert rows["BTC/USDT"].split()[-2:] == ["stream", "live"]
    assert rows["ETH/USDT"].endswith("rest        fallback: served by REST: mute")
    assert "no live stream of ETH/USDT" in as_line(status)
    told = json.loads(to_json(status))["summary"]
    assert told["streams"]["ETH/USDT"]["state"] == "fallback"
    assert told["price_sources"]["BTC/USDT"] == "stream"


def test_an_old_heartbeat_says_nothing_about_a_stream(status: PlatformStatus) -> None:
    later = _seen(status, time=VenueTime(NOW + timedelta(seconds=11), NOW + timedelta(seconds=11)))

    assert "silent since 12:00:30" in as_text(later)
    assert "no live stream of BTC/USDT, ETH/USDT" in as_line(later)


def test_a_stream_that_is_stale_tells_since_when(status: PlatformStatus) -> None:
    stale = StreamStatus("BTC/USDT", StreamState.STALE, "no price for 10.2 s", NOW, NOW, NOW)

    assert "stale since 12:00:30: no price for 10.2 s" in as_text(_seen(status, streams={"BTC/USDT": stale}))


def test_streams_that_are_not_used_or_not_there_yet_are_told_apart(status: PlatformStatus) -> None:
    assert "not used" in as_text(_seen(status, streams=None))
    assert "live stream" not in as_line(_seen(status, streams=None))
    assert "not started" in as_text(_seen(status, streams={}))
