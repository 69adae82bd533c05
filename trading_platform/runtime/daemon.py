"""Dagster's daemon with a sensor loop of one second.

Stock Dagster looks at its sensors every 5 s, which bounds how soon a signal can become an order. The loop's length is
a module constant without a setting; docs/operations.md has what shortening it costs and gives.
"""

from __future__ import annotations

import sys

from dagster._daemon import sensor
from dagster._daemon.cli import main as dagster_daemon

SENSOR_LOOP_SECONDS = 1.0
_CONSTANT = "MIN_INTERVAL_LOOP_TIME"


def main() -> None:
    """Run ``dagster-daemon`` with this process's arguments."""
    if not hasattr(sensor, _CONSTANT):
        sys.exit(f"this Dagster has no {sensor.__name__}.{_CONSTANT}: pin dagster as pyproject.toml does")
    setattr(sensor, _CONSTANT, SENSOR_LOOP_SECONDS)
    dagster_daemon()


if __name__ == "__main__":
    main()
