"""The owner's view: what the Dagster UI shows of the running platform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trading_platform_tests.support.browser import Page, browser_page, chromium
from trading_platform_tests.support.platform import RunningPlatform
from trading_platform_tests.support.records import Records

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this computer: install the package chromium"),
]

PATIENCE_SECONDS = 120
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
    platform.wait_for(_has_chart(records), PATIENCE_SECONDS, "a chart")
    async with browser_page() as page:
        await _shows(page, f"{records.ui_url}/asset-groups", "candles", "indicators", "signals", "equity", "tickers")
        await page.screenshot(tmp_path / "asset-graph.png")

        await _shows(
            page, f"{records.ui_url}/automation", "refresh_sensor", "trade_sensor", "freshness_watchdog", "Running"
        )
        await page.screenshot(tmp_path / "automation.png")

        await _shows(page, f"{records.ui_url}/assets/candles?view=checks", "candles_are_fresh", "candles_have_no_gaps")
        await page.screenshot(tmp_path / "checks.png")

        await _shows(page, f"{records.ui_url}/assets/candles?view=overview", "BTC/USDT")
        await page.screenshot(tmp_path / "candles.png")

        await _shows(page, f"{records.ui_url}/runs", "refresh", "trade")
        await page.screenshot(tmp_path / "runs.png")


async def test_the_chart_is_a_picture_on_the_assets_page(records: Records, tmp_path: Path) -> None:
    async with browser_page() as page:
        await _shows(page, f"{records.ui_url}/assets/price_chart?view=overview", "price_chart", "chart")
        shown = await _see_picture(page)
        await page.screenshot(tmp_path / "price-chart.png")
        assert shown, await page.text()


async def _see_picture(page: Page) -> bool:
    return bool(await page.evaluate(_PICTURE))
