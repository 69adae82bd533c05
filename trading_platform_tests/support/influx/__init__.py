"""A stand-in for an InfluxDB 2 server, after its public documentation; it understands what the adapter sends."""

from trading_platform_tests.support.influx.faults import Fault
from trading_platform_tests.support.influx.server import InfluxServer, running_influx

__all__ = ["Fault", "InfluxServer", "running_influx"]
