"""A stand-in for the server, and a store whose waits are counted instead of waited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from trading_platform.adapters.influxdb.connection import Access, InfluxConnection
from trading_platform.adapters.influxdb.series_store import Buckets, InfluxSeriesStore
from trading_platform_tests.support.influx import InfluxServer, running_influx
from trading_platform_tests.support.influx.storage import Bucket


@dataclass
class Waits:
    """Time that passes by sleeping only."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Pass it."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def server() -> Iterator[InfluxServer]:
    """A server that is set up, with the buckets ``market`` and ``market_ticks``."""
    with running_influx() as running:
        storage = running.api.storage
        for name in ("market", "market_ticks"):
            made = Bucket(storage.new_id(), name, storage.orgs[running.org], [])
            storage.buckets[made.id] = made
        yield running


@pytest.fixture
def waits() -> Waits:
    """The connection's clock."""
    return Waits()


@pytest.fixture
def connection(server: InfluxServer, waits: Waits) -> Iterator[InfluxConnection]:
    """A client that tries again for six seconds."""
    access = Access(server.url, server.token, server.org, timeout_seconds=5, retry_seconds=6, batch_points=100)
    made = InfluxConnection(access, sleep=waits.sleep, monotonic_seconds=lambda: waits.now)
    yield made
    made.close()


@pytest.fixture
def store(connection: InfluxConnection) -> InfluxSeriesStore:
    """A store on these buckets."""
    return InfluxSeriesStore(connection, Buckets("market", "market_ticks"))
