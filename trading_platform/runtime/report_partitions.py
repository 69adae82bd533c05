"""Tell Dagster of days whose candles an import has brought, so that its UI shows them as materialized.

A process of its own (`python -m`), with the environment of a running platform: from standard input it reads
``{interval: {day: {symbol: rows}}}`` as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import dagster as dg

from trading_platform.defs.history.assets import history_key

Days = Mapping[str, Mapping[str, Mapping[str, int]]]


def report_partitions(instance: dg.DagsterInstance, days: Days) -> int:
    """Report the days that Dagster doesn't show as materialized yet; how many."""
    reported = 0
    for interval, complete in days.items():
        key = history_key(interval)
        shown = instance.get_materialized_partitions(key)
        for day, rows in complete.items():
            if day not in shown:
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        key,
                        description="brought by an import",
                        partition=day,
                        metadata={"dagster/partition_row_count": sum(rows.values()), "rows": dict(rows)},
                    )
                )
                reported += 1
    return reported


def main() -> None:
    """Report what standard input holds; prints how many days are new in the UI."""
    with dg.DagsterInstance.get() as instance:
        reported = report_partitions(instance, json.load(sys.stdin))
    sys.stdout.write(f"{reported}\n")


if __name__ == "__main__":
    main()
