"""History on a running platform: a file goes in, the same candles come out, and the UI has a partition per day."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from trading_platform_tests.end_to_end.replayed.test_ui import _shows
from trading_platform_tests.support.archives import archive_rows
from trading_platform_tests.support.browser import browser_page, chromium
from trading_platform_tests.support.platform import RunningPlatform
from trading_platform_tests.support.records import Records

pytestmark = pytest.mark.end_to_end

ROWS = 300
NAMES = ("open_time", "open", "high", "low", "close", "volume")


def test_what_is_imported_is_exported_again(platform: RunningPlatform, archive: Path, tmp_path: Path) -> None:
    """The first candles of the replay, as a symbol of their own: they have closed by the venue's clock."""
    rows = [[row[name] for name in NAMES] for row in archive_rows(archive / "BTCUSDT-1m.csv.gz")[:ROWS]]
    with gzip.open(tmp_path / "XRPUSDT-1m.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows(rows)

    first = platform.command("import", str(tmp_path))
    again = platform.command("import", str(tmp_path / "XRPUSDT-1m.csv.gz"))
    exported = platform.command("export", "--symbol", "XRP/USDT", str(tmp_path / "out.csv.gz"))

    assert (first.returncode, again.returncode, exported.returncode) == (0, 0, 0), first.stderr + exported.stderr
    assert f"XRP/USDT 1m, {ROWS} rows: {ROWS} new, 0 corrected, 0 unchanged" in first.stdout
    assert f"0 new, 0 corrected, {ROWS} unchanged; nothing has changed" in again.stdout
    assert [[row[name] for name in NAMES] for row in archive_rows(tmp_path / "out.csv.gz")] == rows


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="no Chromium on this computer: install the package chromium")
async def test_the_ui_has_a_partition_per_day(platform: RunningPlatform, records: Records, tmp_path: Path) -> None:
    async with browser_page() as page:
        await _shows(page, f"{records.ui_url}/assets/candle_history_1m?view=partitions", "2024-01-01", "Missing (")
        await page.screenshot(tmp_path / "partitions.png")
