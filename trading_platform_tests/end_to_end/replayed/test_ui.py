"""The owner's view: what the Dagster UI shows of the running platform."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_platform.defs.market_data.checks import CHECKS
from trading_platform_tests.support.browser import Page, browser_page, chromium
from trading_platform_tests.support.platform import RunningPlatform
from trading_platform_tests.support.records import Records

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this computer: install the package chromium"),
]

PATIENCE_SECONDS = 90
_SENSORS = 6
_SHOW_CHART = "[Show Markdown]"
_PICTURE = "[...document.images].some(i => i.src.startsWith('data:image/png') && i.naturalWidth > 300)"


async def _shows(page: Page, url: str, *words: str) -> str:
    """Open a page and read it until it shows the words."""
    await page.open(url)
    text = await page.read_until(lambda shown: all(word in shown for word in words), PATIENCE_SECONDS)
    missing = [word for word in words if word not in text]
    assert missing == [], f"{url} shows:\n{text}"
    return text


def _has_chart(records: Records) -> Callable[[], bool]:
    query = "SELECT count(*) FROM runs WHERE pipeline_name = 'draw_charts' AND status = 'SUCCESS'"
    return lambda: bool(records.dagster(query)[0][0])


async def test_the_owner_sees_the_loop(platform: RunningPlatform, records: Records, tmp_path: Path) -> None:
    ui = records.ui_url
    async with browser_page() as page:
        graph = f"{ui}/assets/equity?view=lineage&lineageScope=upstream&lineageDepth=5"
        await _shows(page, graph, "tickers", "candles", "indicators", "signals", "equity", "Materialized")
        await page.screenshot(tmp_path / "asset-graph.png")

        await _shows(page, f"{ui}/automation", "refresh_sensor", "trade_sensor", "freshness_watchdog", "chart_sensor")
        loaded = await page.read_until(lambda shown: shown.count("Standard sensor") == _SENSORS, PATIENCE_SECONDS)
        assert loaded.count("Standard sensor") == _SENSORS, loaded
        await page.screenshot(tmp_path / "sensors.png")

        await _shows(page, f"{ui}/assets/candles?view=checks", *(check.name for check in CHECKS), "Latest execution")
        await page.screenshot(tmp_path / "checks.png")

        await _shows(page, f"{ui}/assets/candles?view=overview", "new_candles", "newest_candle", "refresh_sensor")
        await page.screenshot(tmp_path / "candles.png")

        await _shows(page, f"{ui}/runs", "refresh", "trade", "Success")
        await page.screenshot(tmp_path / "runs.png")


async def test_an_assets_history_has_its_chart(platform: RunningPlatform, records: Records, tmp_path: Path) -> None:
    platform.wait_for(_has_chart(records), PATIENCE_SECONDS, "a chart")
    async with browser_page() as page:
        await _shows(page, f"{records.ui_url}/assets/price_chart?view=events", "newest_candle", _SHOW_CHART)
        await page.click(_SHOW_CHART)
        await _shows_now(page, _PICTURE)
        await page.screenshot(tmp_path / "price-chart.png")


async def _shows_now(page: Page, condition: str) -> None:
    for _ in range(PATIENCE_SECONDS):
        if await page.evaluate(condition):
            return
        await asyncio.sleep(1)
    raise AssertionError(f"the page shows no picture:\n{await page.text()}")
