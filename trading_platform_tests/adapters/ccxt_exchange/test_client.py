"""The client itself: where it sends, when it is made, and what it never tells."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from pydantic import SecretStr

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.ccxt_exchange.exact_exchange import exact_exchange, repoint
from trading_platform.adapters.ccxt_exchange.failures import reading_failed
from trading_platform.domain.errors import FixSettings, PlatformError, WaitUntilAllowed
from trading_platform.domain.order import OrderRequest, Side
from trading_platform_tests.adapters.ccxt_exchange.conftest import API_KEY, API_SECRET
from trading_platform_tests.support.scripted_server import Answer, ScriptedServer, refusal

ACCOUNT = ("GET", "/api/v3/account")


def urls_of(nested: Any) -> Iterator[str]:
    if isinstance(nested, dict):
        for value in nested.values():
            yield from urls_of(value)
    else:
        yield nested


@pytest.mark.parametrize("exchange_id", ["binance", "kraken", "okx", "bybit", "coinbase"])
def test_no_url_leads_to_a_real_host(exchange_id: str) -> None:
    exchange = exact_exchange(exchange_id, {}, "http://127.0.0.1:1234/")
    urls = list(urls_of(exchange.urls["api"]))
    assert urls
    assert all(url.startswith(("http://127.0.0.1:1234", "ws://127.0.0.1:1234")) for url in urls)


def test_paths_and_security_stay() -> None:
    urls = {"public": "https://api.x.com/api/v3", "ws": {"spot": "wss://stream.x.com:9443/ws"}}
    assert repoint(urls, "https://testnet.x.org") == {
        "public": "https://testnet.x.org/api/v3",
        "ws": {"spot": "wss://testnet.x.org/ws"},
    }


def test_an_unknown_exchange_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(FixSettings, match="did you mean binance"):
        exact_exchange("binanse", {}, None)


@pytest.mark.parametrize(
    ("url", "limited"),
    [("http://127.0.0.1:8000", False), ("http://localhost:8000", False), ("https://10.0.0.5", True), (None, True)],
)
def test_only_a_venue_on_this_computer_is_spared_the_rate_limiter(url: str | None, limited: bool) -> None:
    access = VenueAccess("binance", "x", 1, 1, base_url=url)
    assert access.config()["enableRateLimit"] is limited


def test_the_exchange_is_kept_and_made_anew_after_a_fork(client: CcxtClient, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.send("a", lambda exchange: exchange, reading_failed)
    assert client.send("b", lambda exchange: exchange, reading_failed) is first
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert client.send("c", lambda exchange: exchange, reading_failed) is not first


def test_sending_may_take_longer_than_reading() -> None:
    client = CcxtClient(VenueAccess("binance", "x", read_timeout_seconds=4, send_timeout_seconds=12))
    assert client.read("a", lambda exchange: exchange.timeout) == 4_000
    assert client.send("b", lambda exchange: exchange.timeout, reading_failed) == 12_000


def test_a_mistake_of_ours_outside_ccxts_errors_is_not_swallowed(client: CcxtClient) -> None:
    with pytest.raises(ZeroDivisionError):
        client.read("a", lambda _: 1 // 0)


def test_what_ccxt_lacks_is_a_mistake_in_the_settings(client: CcxtClient) -> None:
    def ask(_: Any) -> None:
        raise ccxt.NotSupported("fetchOHLCV")

    with pytest.raises(FixSettings, match=r"venue\.name"):
        client.read("candles", ask)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401),
        refusal(-1022, "Signature for this request is not valid."),
        refusal(-1000, f"we got {API_KEY} and {API_SECRET}", 500),
        Answer(f"<html>{API_KEY}</html>", 502),
        Answer(ending="reset"),
        Answer(ending="hang"),
    ],
)
def test_secrets_appear_nowhere(
    broker: CcxtBroker, server: ScriptedServer, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in messages, tracebacks nor logs, at whatever level those are written."""
    server.script[ACCOUNT] = answer
    with caplog.at_level(logging.DEBUG), pytest.raises(PlatformError) as raised:
        broker.balances()
    error = raised.value
    told = "".join(traceback.format_exception(error)) + caplog.text + repr(error) + repr(broker._client.access)
    signature = server.requests(*ACCOUNT)[0].parameters["signature"]
    assert len(signature) == 64
    for secret in (API_KEY, API_SECRET, signature):
        assert secret not in told


def test_keys_stay_hidden_in_what_describes_the_access() -> None:
    access = VenueAccess("binance", "x", 1, 1, api_key=SecretStr(API_KEY), api_secret=SecretStr(API_SECRET))
    assert API_KEY not in repr(access)
    assert API_SECRET not in repr(access)


def test_a_venue_that_asks_for_silence_gets_it_from_every_call(client: CcxtClient, server: ScriptedServer) -> None:
    now = 1000.0
    broker = CcxtBroker(CcxtClient(client.access, lambda: now))
    whole = server.script[ACCOUNT]
    server.script[ACCOUNT] = refusal(-1003, "Too many requests.", 429, Retry_After="20")
    with pytest.raises(WaitUntilAllowed):
        broker.balances()
    server.script[ACCOUNT] = whole
    sent = len(server.received)
    now += 15
    with pytest.raises(WaitUntilAllowed, match="5 s more") as refused:
        broker.submit(OrderRequest("tp1", "BTC/USDT", Side.BUY, Decimal(1)))
    assert refused.value.retry_after_seconds == 5
    assert len(server.received) == sent
    now += 5
    assert "USDT" in broker.balances()
