"""What every stream of order news does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from trading_platform_tests.contracts.news_sites import NewsSite

PATIENCE_SECONDS = 30


class _Heard:
    """Names that were told, in order."""

    def __init__(self) -> None:
        self.names: list[str | None] = []

    async def until(self, condition: Callable[[list[str | None]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition(self.names):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(site: NewsSite) -> AsyncIterator[_Heard]:
    heard = _Heard()

    async def listen() -> None:
        async for news in site.news.events():
            heard.names.append(news.client_order_id)

    task = asyncio.create_task(listen())
    try:
        await heard.until(bool)
        yield heard
    finally:
        task.cancel()
        await asyncio.wait({task})
        await site.news.close()


async def test_a_connection_begins_with_news_of_nothing_in_particular(news_site: NewsSite) -> None:
    async with listening(news_site) as heard:
        assert heard.names[0] is None


async def test_an_order_that_changes_is_named_by_its_own_id(news_site: NewsSite) -> None:
    async with listening(news_site) as heard:
        await asyncio.to_thread(news_site.place, "tpone")
        await heard.until(lambda names: names.count("tpone") == 1)
        await asyncio.to_thread(news_site.place, "tptwo")
        await heard.until(lambda names: "tptwo" in names)
        await asyncio.to_thread(news_site.cancel, "tpone")
        await heard.until(lambda names: names.count("tpone") == 2)
        assert set(heard.names) == {None, "tpone", "tptwo"}


async def test_after_an_interruption_anything_may_have_happened(news_site: NewsSite) -> None:
    async with listening(news_site) as heard:
        before = heard.names.count(None)
        await asyncio.to_thread(news_site.cut)
        await heard.until(lambda names: names.count(None) > before)
        await asyncio.to_thread(news_site.place, "tpafter")
        await heard.until(lambda names: "tpafter" in names)
