"""What a stream asks by REST keeps to the same manners as everything else."""

from __future__ import annotations

import gc
import weakref

import pytest

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.stream_client import StreamClient
from trading_platform_tests.adapters.ccxt_exchange.conftest import Stopwatch
from trading_platform_tests.support.scripted_server import ScriptedServer, refusal

MARKETS = ("GET", "/api/v3/exchangeInfo")


async def test_while_the_exchange_wants_silence_no_markets_are_asked_for(
    client: CcxtClient, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    listed, server.script[MARKETS] = server.script[MARKETS], refusal(-1003, "banned", 418, Retry_After="120")
    streams = StreamClient(CcxtClient(client.access, stopwatch), ["BTC/USDT"])
    try:
        for _ in range(3):
            with pytest.raises(ConnectionError):
                await streams.exchange()
        assert len(server.requests(*MARKETS)) == 1

        server.script[MARKETS] = listed
        stopwatch.seconds += 121
        exchange = await streams.exchange()
        assert exchange.markets["BTC/USDT"]["id"] == "BTCUSDT"
        assert len(server.requests(*MARKETS)) == 2
    finally:
        await streams.close()


async def test_a_new_client_knows_the_markets_though_the_exchange_is_silent(
    client: CcxtClient, server: ScriptedServer
) -> None:
    streams = StreamClient(client, ["BTC/USDT"])
    try:
        await streams.exchange()
        server.script[MARKETS] = refusal(-1003, "banned", 418, Retry_After="120")
        await streams.renew()
        assert "BTC/USDT" in (await streams.exchange()).markets
    finally:
        await streams.close()


async def test_nothing_is_left_of_clients_that_were_replaced(client: CcxtClient) -> None:
    streams = StreamClient(client, ["BTC/USDT"])
    try:
        replaced = []
        for _ in range(3):
            exchange = await streams.exchange()
            exchange.options["a socket"] = [exchange]  # its sockets know it
            replaced.append(weakref.ref(exchange))
            del exchange
            await streams.renew()
        gc.collect()
        assert [each() for each in replaced] == [None] * 3
    finally:
        await streams.close()
