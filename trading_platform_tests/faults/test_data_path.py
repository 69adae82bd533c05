"""The data path through a few of the venue's faults, with short limits; `make faults` goes through all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trading_platform.domain.stream import StreamState
from trading_platform_tests.faults.data_outcome import Outcome, judge
from trading_platform_tests.faults.data_path import Pace, Record, run_scenario
from trading_platform_tests.faults.data_scenarios import CLOSE, DUPLICATES, MUTE_ONE, OUTAGE, Scenario

pytestmark = pytest.mark.integration

QUICK = Pace(
    cadence_seconds=1.5,
    streams={
        "silence_seconds": 2.0,
        "candle_grace_seconds": 5.0,
        "flush_seconds": 0.2,
        "heartbeat_seconds": 0.3,
        "max_heartbeat_age_seconds": 5.0,
        "max_ticker_age_seconds": 2.0,
        "first_recovery_wait_seconds": 0.5,
        "longest_recovery_wait_seconds": 2.0,
    },
    watcher_seconds=1.0,
    recovery_seconds=60.0,
    phase=0.9,
)


def _through(scenario: Scenario, database_url: str, seconds: float) -> tuple[Record, Outcome]:
    quick = replace(scenario, seconds=seconds)
    record = run_scenario(quick, QUICK, database_url)
    return record, judge(quick, QUICK, record)


def _assert_nothing_is_missing(outcome: Outcome) -> None:
    assert outcome.live_again_seconds is not None, outcome.states
    assert outcome.rows > 0
    assert (outcome.rows_lost, outcome.rows_doubled, outcome.rows_wrong, outcome.corrections) == (0, 0, 0, 0)


def _states(record: Record, symbol: str) -> set[StreamState]:
    changes = [change for change in record.changes if change.at >= record.fault_at]
    return {change.after for change in changes if change.symbol == symbol} - {StreamState.CLOSED}


def test_a_mute_symbol_is_served_by_rest_while_the_others_stream(database_url: str) -> None:
    record, outcome = _through(MUTE_ONE, database_url, seconds=6)

    assert _states(record, "BTC/USDT") == {StreamState.STALE, StreamState.FALLBACK, StreamState.LIVE}
    during = [look for look in record.looks if record.fault_at < look.at < record.fault_ended_at]
    assert "rest" in {look.tickers["BTC/USDT"].source for look in during}
    assert outcome.fresh_seconds is not None
    _assert_nothing_is_missing(outcome)


def test_closed_sockets_are_connected_anew(database_url: str) -> None:
    record, outcome = _through(CLOSE, database_url, seconds=3)

    for symbol in record.stored:
        assert {StreamState.CONNECTING, StreamState.LIVE} <= _states(record, symbol)
        assert record.looks[-1].statuses[symbol].reconnects >= 1
    _assert_nothing_is_missing(outcome)


def test_what_an_outage_left_out_is_fetched_when_it_is_over(database_url: str) -> None:
    record, outcome = _through(OUTAGE, database_url, seconds=6)

    assert outcome.failed_ticks > 0
    assert outcome.rows_by_rest > 0
    for symbol in record.stored:
        assert StreamState.STALE in _states(record, symbol)
    _assert_nothing_is_missing(outcome)


def test_events_that_come_twice_are_counted_and_stored_once(database_url: str) -> None:
    record, outcome = _through(DUPLICATES, database_url, seconds=4)

    assert outcome.detection_seconds is not None
    for symbol in record.stored:
        assert _states(record, symbol) <= {StreamState.LIVE}
        assert record.looks[-1].statuses[symbol].duplicates > 0
    _assert_nothing_is_missing(outcome)
