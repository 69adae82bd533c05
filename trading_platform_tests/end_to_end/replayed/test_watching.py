"""Silence reaches the owner by mail and by webhook, whatever has fallen silent, and so does its end (I6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trading_platform_tests.end_to_end.replayed.conftest import Owner
from trading_platform_tests.support.browser import browser_page, chromium
from trading_platform_tests.support.platform import RunningPlatform
from trading_platform_tests.support.records import SYMBOLS, Records, start_sensor, stop_sensor

pytestmark = pytest.mark.end_to_end

PATIENCE_SECONDS = 240
"""Beyond the platform's own patience with a start (a minute), and the limit that the data's age has here."""

STALE = [f"{symbol} 1m is stale" for symbol in SYMBOLS]
FRESH = [f"{symbol} 1m is fresh again" for symbol in SYMBOLS]
_INCIDENTS = "SELECT count(*) FROM incidents WHERE closed_at IS NULL"
_FAILED_CHECK = (
    "SELECT count(*) FROM asset_check_executions WHERE check_name = 'candles_are_fresh' AND execution_status = '{}' "
    "AND create_timestamp > now() at time zone 'utc' - interval '1 minute'"
)


@pytest.fixture
def told(platform: RunningPlatform, records: Records, owner: Owner) -> Iterator[Callable[[list[str]], None]]:
    """Waits until mailbox and webhook have received messages since the test began."""
    records.simulator.clear_faults()
    calm = platform.wait_for(lambda: records.ledger(_INCIDENTS)[0] == [(0,)], PATIENCE_SECONDS, "no incident")
    assert calm
    mails, posts = len(owner.mails()), len(owner.posts())

    def wait_for(messages: list[str]) -> None:
        def received() -> bool:
            return set(messages) <= set(owner.mails()[mails:]) and set(messages) <= set(owner.posts()[posts:])

        platform.wait_for(received, PATIENCE_SECONDS, f"{messages}, got {owner.mails()[mails:]}")

    yield wait_for
    records.simulator.clear_faults()


async def test_a_venue_that_falls_silent_is_told_and_so_is_its_return(
    platform: RunningPlatform, records: Records, told: Callable[[list[str]], None], tmp_path: Path
) -> None:
    records.simulator.fault("rest_mute", shape="503", endpoint="market")
    records.simulator.fault("mute")
    told(STALE)
    assert platform.wait_for(lambda: _check_says(records, "FAILED"), PATIENCE_SECONDS, "the check fails")
    if chromium() is not None:
        await _see_the_failed_check(records, tmp_path / "failed-check.png")

    records.simulator.clear_faults()
    told(FRESH)
    assert platform.wait_for(lambda: _check_says(records, "SUCCEEDED"), PATIENCE_SECONDS, "the check passes")


def test_silence_is_told_also_when_the_refresh_sensor_is_switched_off(
    records: Records, told: Callable[[list[str]], None]
) -> None:
    records.simulator.fault("mute")  # with live streams the data stays fresh without the sensor
    stop_sensor(records, "refresh_sensor")
    told(["sensor refresh_sensor: trouble", *STALE])

    start_sensor(records, "refresh_sensor")
    told(["sensor refresh_sensor: well again", *FRESH])


def _check_says(records: Records, status: str) -> bool:
    return bool(records.dagster(_FAILED_CHECK.format(status))[0][0])


async def _see_the_failed_check(records: Records, picture: Path) -> None:
    async with browser_page() as page:
        await page.open(f"{records.ui_url}/assets/candles?view=checks")
        shown = await page.read_until(lambda text: "beyond the limit" in text, PATIENCE_SECONDS)
        await page.screenshot(picture)
    assert "beyond the limit" in shown
    assert "Failed" in shown
