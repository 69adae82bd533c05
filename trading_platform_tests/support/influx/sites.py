"""Servers under test: the stand-in, and a real InfluxDB 2 wherever its address is in the environment.

Everything is in buckets of random names, which are deleted with their tasks at the end: a real server may hold other
things.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from trading_platform.adapters.influxdb import InfluxSeriesStore, make_influx_store, prepare_influxdb
from trading_platform.settings import Settings
from trading_platform_tests.support.influx.server import InfluxServer, running_influx
from trading_platform_tests.support.plain_settings import plain_settings

_VARIABLES = ("INFLUXDB_V2_URL", "INFLUXDB_V2_TOKEN", "INFLUXDB_V2_ORG")


@dataclass(frozen=True)
class InfluxSite:
    """A server and the buckets on it that belong to this test."""

    url: str
    token: str
    org: str
    bucket: str
    stand_in: InfluxServer | None = None

    @property
    def access(self) -> dict[str, Any]:
        """How a process gets here; patiently, since a million rows may take the server a while."""
        patience = {"timeout_seconds": 30.0, "retry_seconds": 30.0}
        return {"url": self.url, "token": self.token, "org": self.org, "bucket": self.bucket, **patience}

    def settings(self, **influx: Any) -> Settings:
        """Settings that lead here; candles of any age are kept."""
        given = self.access
        return plain_settings(store={"kind": "influxdb"}, influxdb=given | influx, replay={"folder": "."})

    def store(self, **influx: Any) -> InfluxSeriesStore:
        """A store with a client of its own, on a server that is prepared."""
        return make_influx_store(self.settings(**influx))


def real_server_is_known() -> bool:
    """Whether the environment names a real server."""
    return all(os.environ.get(name) for name in _VARIABLES)


@contextmanager
def influx_stand_in() -> Iterator[InfluxSite]:
    """The stand-in, prepared."""
    with running_influx() as server:
        site = InfluxSite(server.url, server.token, server.org, "contract", server)
        prepare_influxdb(site.settings())
        yield site


@contextmanager
def influx_server() -> Iterator[InfluxSite]:
    """The real server that the environment names, prepared."""
    url, token, org = (os.environ[name] for name in _VARIABLES)
    site = InfluxSite(url, token, org, f"test_{secrets.token_hex(6)}")
    try:
        prepare_influxdb(site.settings())
        yield site
    finally:
        clear(site)


def clear(site: InfluxSite) -> None:
    """Delete what the tests have made there."""
    store = site.store()
    client = store.connection.client
    names = {site.bucket + part for part in ("", "_ticks", "_replay", "_replay_ticks")}
    for bucket in client.buckets_api().find_buckets(org=site.org, limit=100).buckets:
        if bucket.name in names:
            client.buckets_api().delete_bucket(bucket)
    for task in client.tasks_api().find_tasks(limit=500):
        if any(name in task.name for name in names):
            client.tasks_api().delete_task(task.id)
    store.connection.close()


INFLUX_SITES: dict[str, Callable[[], AbstractContextManager[InfluxSite]]] = {"influxdb": influx_stand_in}
if real_server_is_known():
    INFLUX_SITES["influxdb-server"] = influx_server
