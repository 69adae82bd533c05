"""Faults that concern single events of a stream: sent twice, swapped, or a subscription refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from trading_platform_tests.support.simulated import SimulatedExchange

pytestmark = pytest.mark.integration


@pytest.fixture
async def socket(venue: SimulatedExchange) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as http, http.ws_connect(venue.base_url + "/ws") as connected:
        yield connected


async def _ask(socket: aiohttp.ClientWebSocketResponse, method: str) -> Any:
    await socket.send_json({"method": method, "params": ["btcusdt@trade"], "id": 1})
    while "id" not in (answer := await _read(socket)):
        pass
    return answer


async def _read(socket: aiohttp.ClientWebSocketResponse) -> Any:
    message = await asyncio.wait_for(socket.receive(), 15)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return json.loads(message.data)


async def _trade_ids(socket: aiohttp.ClientWebSocketResponse, number: int) -> list[int]:
    return [(await _read(socket))["t"] for _ in range(number)]


async def test_an_event_is_sent_twice(venue: SimulatedExchange, socket: aiohttp.ClientWebSocketResponse) -> None:
    await _ask(socket, "SUBSCRIBE")
    await asyncio.to_thread(venue.control.fault, "duplicate", symbol="BTCUSDT", stream="trade", count=1)
    first, second, third = await _trade_ids(socket, 3)

    assert first == second < third


async def test_a_pair_of_events_is_swapped(venue: SimulatedExchange, socket: aiohttp.ClientWebSocketResponse) -> None:
    await _ask(socket, "SUBSCRIBE")
    await asyncio.to_thread(venue.control.fault, "reorder", symbol="BTCUSDT", stream="trade", count=1)
    first, second, third = await _trade_ids(socket, 3)

    assert second < first < third


async def test_a_subscription_is_refused(venue: SimulatedExchange, socket: aiohttp.ClientWebSocketResponse) -> None:
    await asyncio.to_thread(venue.control.fault, "refuse_subscription", code=4, message="not today", count=1)

    assert await _ask(socket, "SUBSCRIBE") == {"error": {"code": 4, "msg": "not today"}, "id": 1}
    assert await _ask(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
    assert (await _ask(socket, "SUBSCRIBE"))["result"] is None
