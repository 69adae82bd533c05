"""What every store keeps to when a process dies in the middle of a write: doing it again finishes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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

MANY = 5_000
BATCH = 1000
HALFWAY = 2


@dataclass(frozen=True)
class StoreSite:
    """How a process reaches the store, and when it is in the middle of a write."""

    settings: dict[str, Any]
    store: SeriesStore
    is_midway: Callable[[], bool]
    go_on: Event = field(default_factory=Event)


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
        go_on = Event()
        if influx.stand_in:
            influx.stand_in.faults.plan("/api/v2/write", *[None] * HALFWAY, Fault(hold=go_on))
        yield StoreSite(settings, store, lambda: store.count_candles(SYMBOL, MINUTE) >= HALFWAY * BATCH, go_on)
        go_on.set()
        store.connection.close()


def test_a_write_that_was_killed_is_finished_by_writing_again(site: StoreSite) -> None:
    kill_while_writing(site.settings, MANY, site.is_midway)
    site.go_on.set()  # what was on its way arrives late
    kept = site.store.count_candles(SYMBOL, MINUTE)
    assert kept == len(site.store.candles(SYMBOL, MINUTE))

    many = [candle(minute) for minute in range(MANY)]
    written = site.store.write_candles(SYMBOL, MINUTE, many, source="archive", received_at=START)

    assert (written.corrected, written.inserted + written.unchanged) == (0, MANY)
    assert written.unchanged >= kept
    assert site.store.candles(SYMBOL, MINUTE) == many
    [version] = site.store.versions([CandleRange(SYMBOL, MINUTE, minutes(0), minutes(MANY))])
    assert version.inside == RangeVersion(MANY, 0)
