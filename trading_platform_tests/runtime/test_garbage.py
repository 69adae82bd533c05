"""What only the garbage collector can free doesn't wait until it looks by itself."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from trading_platform.bootstrap import Platform
from trading_platform.runtime import stream
from trading_platform.runtime.garbage import collect_garbage
from trading_platform.services.stream_market import StreamEnd
from trading_platform_tests.support.plain_settings import plain_settings


class Connection:
    """Like a closed WebSocket: part of a cycle."""

    def __init__(self) -> None:
        self.reader = self


@pytest.fixture
def collector_at_rest() -> Iterator[None]:
    """Nothing is collected unasked; what was set aside is looked through again by the tests that follow."""
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def grown_old() -> Connection:
    """One that has lived through collections, so that only a full one can free it."""
    connection = Connection()
    gc.collect()
    assert any(each is connection for each in gc.get_objects(generation=2))
    return connection


async def gone(remains: weakref.ref[Connection]) -> None:
    async with asyncio.timeout(20):
        while remains() is not None:
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("collector_at_rest")
async def test_what_ended_in_a_cycle_is_freed_again_and_again() -> None:
    collecting = asyncio.create_task(collect_garbage(0.01))
    try:
        for _ in range(3):
            connection = grown_old()
            remains = weakref.ref(connection)
            del connection
            await gone(remains)
    finally:
        collecting.cancel()


@pytest.mark.usefixtures("collector_at_rest")
async def test_what_start_up_left_is_not_looked_through_again() -> None:
    collecting = asyncio.create_task(collect_garbage(0.01))
    try:
        async with asyncio.timeout(20):
            while not gc.get_freeze_count():
                await asyncio.sleep(0.01)
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    finally:
        collecting.cancel()


@pytest.mark.usefixtures("collector_at_rest")
async def test_the_stream_process_collects(monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def collect() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def listen(_: Platform, stop: asyncio.Event) -> StreamEnd:
        await began.wait()
        return StreamEnd.RESTART

    monkeypatch.setattr(stream, "collect_garbage", collect)
    monkeypatch.setattr(stream, "listen", listen)
    monkeypatch.setattr(stream, "platform", lambda: Platform(plain_settings()))
    assert await stream._main() is StreamEnd.RESTART
    async with asyncio.timeout(20):
        await ended.wait()
