"""What every store keeps to when a process dies in the middle of a write: doing it again finishes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest

from trading_platform.bootstrap import Platform
from trading_platform.ports.series_store import CandleRange, RangeVersion, SeriesStore
from trading_platform_tests.contracts.writing_process import kill_while_writing
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx import Fault
from trading_platform_tests.support.influx.sites import INFLUX_SITES
from trading_platform_tests.support.plain_settings import plain_settings

MANY = 20_000
BATCH = 1000
HALFWAY = 6


@dataclass(frozen=True)
class StoreSite:
    """How a process reaches the store, and when it is in the middle of a write."""

    settings: dict[str, Any]
    store: SeriesStore
    is_midway: Callable[[], bool]


@pytest.fixture(params=["postgres", *INFLUX_SITES])
def site(request: pytest.FixtureRequest) -> Iterator[StoreSite]:
    """An empty store that other processes reach."""
    if request.param == "postgres":
        settings = {"servers": {"database": request.getfixturevalue("database_url")}}
        yield StoreSite(settings, Platform(plain_settings(**settings)).base_store, lambda: True)
        return
    with INFLUX_SITES[request.param]() as influx:
        store = influx.store(batch_points=BATCH)
        settings = {
            "store": {"kind": "influxdb"},
            "influxdb": influx.access | {"batch_points": BATCH},
            "replay": {"folder": "."},
        }
        release = Event()
        if influx.stand_in:
            influx.stand_in.faults.plan("/api/v2/write", *[None] * HALFWAY, Fault(hold=release))
        yield StoreSite(settings, store, lambda: store.count_candles(SYMBOL, MINUTE) >= HALFWAY * BATCH)
        release.set()
        store.connection.close()


def test_a_write_that_was_killed_is_finished_by_writing_again(site: StoreSite) -> None:
    kill_while_writing(site.settings, MANY, site.is_midway)
    kept = site.store.count_candles(SYMBOL, MINUTE)
    assert kept == len(site.store.candles(SYMBOL, MINUTE))

    many = [candle(minute) for minute in range(MANY)]
    written = site.store.write_candles(SYMBOL, MINUTE, many, source="archive", received_at=START)

    assert (written.corrected, written.inserted + written.unchanged) == (0, MANY)
    assert written.unchanged >= kept
    assert site.store.candles(SYMBOL, MINUTE) == many
    [version] = site.store.versions([CandleRange(SYMBOL, MINUTE, minutes(0), minutes(MANY))])
    assert version.inside == RangeVersion(MANY, 0)
