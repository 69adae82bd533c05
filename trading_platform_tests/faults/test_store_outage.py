"""InfluxDB is silent for a while at replay speed 60: nothing is lost, nothing is doubled, and trading goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_platform_tests.faults.store_outage import Plan, run_outage
from trading_platform_tests.support.archives import write_archive

pytestmark = pytest.mark.integration


def test_ten_minutes_of_the_market_without_influxdb(database_url: str, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", 2_000)
    outcome = run_outage(Plan(before_seconds=6, outage_seconds=20), archive, database_url)
    assert (outcome.lost, outcome.doubled, outcome.wrong, outcome.corrected) == (0, 0, 0, 0)
    assert outcome.candles > 3 * 510
    assert outcome.prices > 10
    assert outcome.most_waiting > 30
    assert outcome.whole_ticks > 0
    assert outcome.told[:2] == ["The store takes nothing", "The store has everything again"]
