"""From the settings to a store."""

from __future__ import annotations

from trading_platform.adapters.influxdb.connection import Access, InfluxConnection
from trading_platform.adapters.influxdb.provision import BucketPlan, Provision, ticks_per_minute
from trading_platform.adapters.influxdb.series_store import Buckets, InfluxSeriesStore
from trading_platform.domain.errors import FixSettings
from trading_platform.settings import Settings

_CANDLE_SHARD_DAYS = 90
_TICK_SHARD_DAYS = 1


def make_influx_store(settings: Settings) -> InfluxSeriesStore:
    """A store with a client of its own; nothing is asked of the server yet, nor is the token's file read.

    A bucket that turns out to be missing is made by the first call that misses it.

    Raises
    ------
    FixSettings
        If url, token or org aren't set.
    """
    connection = InfluxConnection(_access(settings))
    buckets = _buckets(settings)
    connection.heal = _provision(settings, connection, buckets).make
    return InfluxSeriesStore(connection, buckets)


def prepare_influxdb(settings: Settings) -> None:
    """Check the server and the token, and make what is missing: for the start of the platform.

    Raises
    ------
    FixSettings
        One line that says what the owner has to mend.
    RetryLater
        The server can't be reached or isn't ready.
    """
    connection = InfluxConnection(_access(settings))
    try:
        _provision(settings, connection, _buckets(settings)).check_and_make()
    finally:
        connection.close()


def _access(settings: Settings) -> Access:
    influx = settings.influxdb
    if not (influx.url and (influx.token or influx.token_file) and influx.org):
        raise FixSettings("influxdb.url, influxdb.token and influxdb.org must be set to use InfluxDB")
    return Access(
        url=influx.url.rstrip("/"),
        token=lambda: influx.secret_token() or "",
        org=influx.org,
        timeout_seconds=influx.timeout_seconds,
        retry_seconds=influx.retry_seconds,
        batch_points=influx.batch_points,
    )


def _buckets(settings: Settings) -> Buckets:
    """A replay's market lies in the past, where it must neither expire nor stand among the live one's candles."""
    name = settings.influxdb.bucket + ("" if settings.replay.folder is None else "_replay")
    return Buckets(name, f"{name}_ticks")


def _provision(settings: Settings, connection: InfluxConnection, buckets: Buckets) -> Provision:
    influx = settings.influxdb
    if settings.replay.folder is not None:
        plans = [
            BucketPlan(buckets.candles, 0, _CANDLE_SHARD_DAYS),
            BucketPlan(buckets.ticks, 0, _CANDLE_SHARD_DAYS),
        ]
        return Provision(connection, plans, [])
    plans = [
        BucketPlan(buckets.candles, influx.candle_days, _CANDLE_SHARD_DAYS),
        BucketPlan(buckets.ticks, influx.tick_days, _TICK_SHARD_DAYS),
    ]
    return Provision(connection, plans, [ticks_per_minute(buckets.ticks, buckets.candles)])
