"""What an account hears of its own orders, over a raw WS-API socket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from trading_platform_tests.support.simulated import API_KEY, API_SECRET, SimulatedExchange, simulated_exchange

pytestmark = pytest.mark.integration

SUBSCRIBE = "userDataStream.subscribe.signature"


class ApiSocket:
    """A WS-API socket that keeps answers and events apart."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.events: list[Any] = []

    async def ask(self, method: str, **parameters: str) -> Any:
        await self._socket.send_json({"id": method, "method": method, "params": parameters})
        while "id" not in (message := await self._read()):
            self.events.append(message)
        return message

    async def ask_signed(self, method: str, **parameters: str) -> Any:
        values = parameters | {"apiKey": API_KEY, "timestamp": str(int(time.time() * 1000))}
        payload = urlencode(sorted(values.items()))
        values["signature"] = hmac.new(API_SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
        return await self.ask(method, **values)

    async def next_event(self) -> Any:
        message = self.events.pop(0) if self.events else await self._read()
        return message["event"]

    async def _read(self) -> Any:
        message = await asyncio.wait_for(self._socket.receive(), 30)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)


async def test_resting_orders_fill_and_tell_without_anyone_asking() -> None:
    with simulated_exchange(speed=600) as venue:
        async with aiohttp.ClientSession() as http, http.ws_connect(venue.base_url + "/ws-api/v3") as raw:
            socket = ApiSocket(raw)
            assert (await socket.ask_signed(SUBSCRIBE))["result"] == {"subscriptionId": 0}
            placed = await socket.ask_signed("orderList.place.oco", **tight_oco(venue))
            legs = {order["orderId"] for order in placed["result"]["orders"]}
            seen: list[Any] = []
            while not any(event.get("l") == "ALL_DONE" for event in seen):
                seen.append(await socket.next_event())
    reports = [event for event in seen if event["e"] == "executionReport"]
    assert {report["i"] for report in reports} == legs
    assert {report["x"] for report in reports} >= {"NEW", "TRADE"}
    assert sum(Decimal(report["l"]) for report in reports) == Decimal("0.001")
    finals = {report["i"]: report["X"] for report in reports}
    assert sorted(finals.values())[-1] == "FILLED"
    assert {"outboundAccountPosition", "listStatus"} <= {event["e"] for event in seen}


def tight_oco(venue: SimulatedExchange) -> dict[str, str]:
    """A pair so close to the market that one of them trades soon, whichever way it goes."""
    price = venue.on_server_thread(lambda exchange: exchange.last_price("BTCUSDT"))
    return {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.001",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": f"{price * Decimal('1.002'):.2f}",
        "belowType": "STOP_LOSS",
        "belowStopPrice": f"{price * Decimal('0.998'):.2f}",
    }


async def test_unsubscribing_is_confirmed_by_the_stream(venue: SimulatedExchange) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(venue.base_url + "/ws-api/v3") as raw:
        socket = ApiSocket(raw)
        first = await socket.ask_signed(SUBSCRIBE)
        second = await socket.ask_signed(SUBSCRIBE)
        numbers = [answer["result"]["subscriptionId"] for answer in (first, second)]
        assert numbers == [0, 1]
        await socket.ask("userDataStream.unsubscribe", subscriptionId="0")
        assert (await socket.next_event())["e"] == "eventStreamTerminated"
        await socket.ask_signed("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        assert (await socket.next_event())["e"] in ("executionReport", "outboundAccountPosition")


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("order.place", {"symbol": "BTCUSDT"}, -1102),
        ("order.cancel", {"symbol": "BTCUSDT", "orderId": "1"}, -2011),
        ("order.status", {"symbol": "BTCUSDT", "orderId": "1" * 12}, -2013),
        ("no.such.method", {}, -1020),
        ("account.status", {"surprise": "1"}, -1104),
    ],
)
async def test_refusals_have_the_rest_apis_codes(
    venue: SimulatedExchange, method: str, parameters: dict[str, str], code: int
) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(venue.base_url + "/ws-api/v3") as raw:
        answer = await ApiSocket(raw).ask_signed(method, **parameters)
    assert (answer["status"], answer["error"]["code"]) == (400, code)


async def test_a_muted_socket_still_answers_pings_and_a_frozen_one_does_not(venue: SimulatedExchange) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(venue.base_url + "/ws/btcusdt@miniTicker", autoping=False) as socket,
    ):
        await asyncio.wait_for(socket.receive(), 10)
        venue.control.fault("mute")
        await socket.ping(b"muted")
        while (message := await asyncio.wait_for(socket.receive(), 10)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"muted")
        venue.control.fault("freeze")
        await socket.ping(b"frozen")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(socket.receive(), 0.5)
