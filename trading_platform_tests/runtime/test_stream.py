"""The stream process: what it does where there are no streams, and when the settings change."""

from __future__ import annotations

import asyncio

import pytest

from trading_platform.bootstrap import Platform
from trading_platform.domain.stream import StreamState
from trading_platform.runtime import stream
from trading_platform.services.stream_market import StreamEnd
from trading_platform_tests.fakes import FakeStreamJournal
from trading_platform_tests.support.plain_settings import plain_settings


async def test_an_exchange_without_streams_is_served_by_rest_and_that_is_said() -> None:
    current, streams, stop = Platform(plain_settings(venue={"name": "btcalpha"})), FakeStreamJournal(), asyncio.Event()
    vars(current)["streams"] = streams
    listening = asyncio.create_task(stream.listen(current, stop))
    async with asyncio.timeout(20):
        while not streams.statuses():
            await asyncio.sleep(0.02)
    stop.set()

    assert await listening is StreamEnd.STOPPED
    assert {status.state for status in streams.statuses().values()} == {StreamState.CLOSED}
    assert "no streams of btcalpha" in streams.statuses()["BTC/USDT"].reason


@pytest.mark.parametrize(
    ("sections", "begins_anew"),
    [
        ({"market": {"symbols": ("BTC/USDT",)}}, True),
        ({"streams": {"silence_seconds": 5}}, True),
        ({"risk": {"max_open_positions": 1}}, False),
    ],
)
async def test_it_begins_anew_when_the_settings_that_concern_it_change(
    monkeypatch: pytest.MonkeyPatch, sections: dict[str, object], begins_anew: bool
) -> None:
    changed = Platform(plain_settings(**sections))
    monkeypatch.setattr(stream, "platform", lambda: changed)
    told_to_stop, stop = asyncio.Event(), asyncio.Event()
    watching = asyncio.create_task(stream._stop_when_outdated(Platform(plain_settings()), told_to_stop, stop))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert stop.is_set() is begins_anew
    told_to_stop.set()
    await watching
    assert stop.is_set()
