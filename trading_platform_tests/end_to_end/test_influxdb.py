"""The whole platform with its market data in InfluxDB: signals and orders come out, money stays in PostgreSQL."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading_platform_tests.end_to_end.replayed.conftest import LIVELY_STRATEGIES
from trading_platform_tests.support.archives import recorded_or_synthetic
from trading_platform_tests.support.examples import MINUTE
from trading_platform_tests.support.influx.sites import INFLUX_SITES, InfluxSite
from trading_platform_tests.support.platform import RunningPlatform, running_platform
from trading_platform_tests.support.records import SYMBOLS, Records, archive_candles

pytestmark = pytest.mark.end_to_end

PATIENCE_SECONDS = 180
_FILLED = "SELECT count(*) FROM orders WHERE status = 'filled'"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The candles that are replayed."""
    return recorded_or_synthetic("2025-03", tmp_path_factory.mktemp("archive"), candles=3000)


@pytest.fixture(scope="module", params=INFLUX_SITES)
def site(request: pytest.FixtureRequest) -> Iterator[InfluxSite]:
    """A server without any market data."""
    with INFLUX_SITES[request.param]() as entered:
        yield entered


@pytest.fixture(scope="module")
def platform(archive: Path, site: InfluxSite) -> Iterator[RunningPlatform]:
    """The platform, told where InfluxDB is by its environment."""
    settings = {
        "CADENCE__REFRESH_SECONDS": "3",
        "CHARTS__ENABLED": "false",
        "STRATEGIES": json.dumps(LIVELY_STRATEGIES),
        "RISK__COOLDOWN_SECONDS": "0",
        "STORE__KIND": "influxdb",
        "INFLUXDB__URL": site.url,
        "INFLUXDB__TOKEN": site.token,
        "INFLUXDB__ORG": site.org,
        "INFLUXDB__BUCKET": site.bucket,
    }
    with (
        tempfile.TemporaryDirectory(prefix="trading-platform-") as folder,
        running_platform(Path(folder), "--replay", str(archive), "--speed", "60", **settings) as running,
    ):
        yield running


def test_candles_in_influxdb_become_orders_in_postgresql(
    platform: RunningPlatform, site: InfluxSite, archive: Path
) -> None:
    records = Records(platform)
    platform.wait_for(lambda: records.ledger(_FILLED)[0][0][0] >= 1, PATIENCE_SECONDS, "a filled order")

    store = site.store()
    for symbol in SYMBOLS:
        stored = store.candles(symbol, MINUTE)
        recorded = archive_candles(archive, symbol)
        first = next(number for number, candle in enumerate(recorded) if candle.open_time == stored[0].open_time)
        assert stored == recorded[first : first + len(stored)]
        assert len(stored) > 500
        assert store.indicators(symbol, MINUTE, newest=1)
    assert set(store.tickers(SYMBOLS)) == set(SYMBOLS)
    [(candles,)], [(tickers,)], [(signals,)] = records.ledger(
        "SELECT count(*) FROM candles", "SELECT count(*) FROM tickers", "SELECT count(*) FROM signals"
    )
    assert (candles, tickers) == (0, 0)
    assert signals > 0
