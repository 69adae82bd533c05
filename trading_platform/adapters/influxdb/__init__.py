"""Market data in InfluxDB 2."""

from __future__ import annotations

from trading_platform.adapters.influxdb.make import make_influx_store, prepare_influxdb
from trading_platform.adapters.influxdb.series_store import InfluxSeriesStore

__all__ = ["InfluxSeriesStore", "make_influx_store", "prepare_influxdb"]
