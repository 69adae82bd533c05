"""Order news against an exchange that misbehaves."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.order_news import CcxtOrderNews
from trading_platform.adapters.ccxt_exchange.stream_client import Redial
from trading_platform_tests.contracts.news_sites import NewsSite, ccxt_news
from trading_platform_tests.contracts.test_order_news import listening
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.simulated_access import access_to

pytestmark = pytest.mark.integration


@pytest.fixture
def site() -> Iterator[NewsSite]:
    with ccxt_news() as made:
        yield made


@pytest.fixture
def venue() -> Iterator[SimulatedExchange]:
    with simulated_exchange() as running:
        yield running


@pytest.mark.parametrize("shape", ["truncated", "not_utf8", "empty_list"])
async def test_what_cannot_be_read_may_have_been_about_any_order(shape: str) -> None:
    with ccxt_news() as site:
        async with listening(site) as heard:
            before = heard.names.count(None)
            await asyncio.to_thread(site.misbehave, "malformed", stream="userData", shape=shape, count=1)
            await asyncio.to_thread(site.place, "tpone")
            await heard.until(lambda names: names.count(None) > before)
            await asyncio.to_thread(site.place, "tptwo")
            await heard.until(lambda names: "tptwo" in names)


async def test_a_stream_that_the_exchange_ends_is_begun_anew(site: NewsSite) -> None:
    async with listening(site) as heard:
        before = heard.names.count(None)
        await asyncio.to_thread(site.misbehave, "drop", stream="userData", count=1)
        await heard.until(lambda names: names.count(None) > before)
        await asyncio.to_thread(site.place, "tpone")
        await heard.until(lambda names: "tpone" in names)


async def test_a_refused_key_neither_tells_nor_hammers_nor_keeps_it_from_closing(
    venue: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[Redial] = []
    monkeypatch.setattr(Redial, "dialled", lambda redial: dialled.append(redial))
    news = CcxtOrderNews(CcxtClient(dataclasses.replace(access_to(venue), api_secret=SecretStr("wrong"))))
    heard: list[object] = []

    async def listen() -> None:
        heard.extend([each async for each in news.events()])

    task = asyncio.create_task(listen())
    await asyncio.sleep(1.5)
    task.cancel()
    await asyncio.wait({task})
    async with asyncio.timeout(10):
        await news.close()
    assert (heard, len(dialled)) == ([], 1)
