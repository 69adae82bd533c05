"""Stepping as a job: batch after batch, each candle through the whole loop."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from trading_platform.defs.trading.stepping import step_sensor
from trading_platform_tests.defs.fake_platform import (
    CLOSED,
    LISTED,
    FakePlatform,
    add_run,
    candle_closed_at,
    execute,
    fake_platform,
    materialized,
    tick,
)
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL, minutes

STEPPED = {"candles", "indicators", "signals", "equity"}


@pytest.fixture
def platform(tmp_path: Path) -> FakePlatform:
    """A platform that steps, in batches that end with the recording."""
    return fake_platform(replay={"folder": tmp_path, "step": True, "step_batch_seconds": 600})


def test_a_batch_takes_every_candle_through_the_whole_loop(
    platform: FakePlatform, instance: dg.DagsterInstance
) -> None:
    result = execute("step", platform, instance)

    assert result.success
    stored = platform.store.candles(SYMBOL, MINUTE)
    assert stored[-1] == candle_closed_at(LISTED)
    assert [each.open_time for each in stored] == [minutes(m) for m in range(CLOSED - 500, LISTED)]
    judged = platform.ledger.evaluated_through(ACCOUNT)
    assert set(judged.values()) == {minutes(LISTED - 1)}
    signals = platform.ledger.recent_signals(ACCOUNT, 1000)
    assert {signal.direction for signal in signals} == {"long", "short"}
    assert platform.ledger.open_signals(ACCOUNT) == []
    assert len(platform.ledger.recent_orders(ACCOUNT, 1000)) > 2
    assert len(platform.ledger.equity_history(ACCOUNT, 1000)) >= LISTED - CLOSED


def test_a_batch_shows_on_the_assets(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    result = execute("step", platform, instance)

    events = materialized(result)
    assert set(events) == STEPPED
    assert {metadata["steps"].value for metadata in events.values()} == {LISTED - CLOSED}
    assert {metadata["finished"].value for metadata in events.values()} == {True}


def test_batches_are_requested_until_the_recording_ends(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    assert isinstance(tick(step_sensor, platform, instance), dg.RunRequest)

    platform.close_candles(LISTED - CLOSED)
    ended = tick(step_sensor, platform, instance)

    assert isinstance(ended, dg.SkipReason)
    assert "the recording ended" in (ended.skip_message or "")


def test_one_batch_at_a_time(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    add_run(instance, "step")

    assert isinstance(tick(step_sensor, platform, instance), dg.SkipReason)


def test_without_stepping_nothing_is_stepped(instance: dg.DagsterInstance) -> None:
    assert isinstance(tick(step_sensor, fake_platform(), instance), dg.SkipReason)
