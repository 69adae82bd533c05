"""The stores of market data that commands speak to, whether or not the settings choose them."""

from __future__ import annotations

from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
from trading_platform.adapters.store_guard import INFLUXDB, StoreGuard
from trading_platform.bootstrap import Platform
from trading_platform.domain.errors import FixSettings
from trading_platform.ports.movable_store import MovableStore

KINDS = ("postgres", "influxdb")


def store_of(platform: Platform, kind: str) -> MovableStore:
    """The store of that kind itself, ready to be used.

    Raises
    ------
    FixSettings
        If there is no such kind, or its server isn't reached by these settings.
    """
    if kind not in KINDS:
        raise FixSettings(f"{kind!r} is no store; known are {', '.join(KINDS)}")
    if kind == "postgres":
        return platform.postgres_store
    from trading_platform.adapters.influxdb import prepare_influxdb

    prepare_influxdb(platform.settings)
    return platform.influx_store


def spooling_influx(platform: Platform) -> SpoolingSeriesStore:
    """InfluxDB behind the spool, even where the settings choose PostgreSQL by now: something may still wait."""
    return platform.spooling_store or SpoolingSeriesStore(platform.influx_store, platform.spool, StoreGuard(INFLUXDB))
