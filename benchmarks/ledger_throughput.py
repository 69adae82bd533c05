"""How many approvals a second the ledger commits: `make bench-ledger`.

Every approval is one transaction that locks its account, checks the free balance and writes intent, reservation and
decision, on a PostgreSQL that waits for its disk. One at a time is what Dagster's lane leaves of them; side by side
they meet at the account's row, which is what the money relies on when that lane is off. The lane itself is then seen
at work: trade runs of the whole platform, all asked for at once, of which one at a time may be under way.
"""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.dagster_lane import measure_lane
from benchmarks.records import keep
from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform_tests.faults.approvals import Approval, Crowd, approve
from trading_platform_tests.support.examples import START
from trading_platform_tests.support.postgres import SHARED, running_postgres

CROWDS = (Crowd(1, 1), Crowd(4, 1), Crowd(8, 8))
ENOUGH_FOR = 0.5
"""Share of the approvals that the money is enough for: the others are refused in a transaction of their own."""


def main() -> int:
    """Measure, show and keep; 1 if an account was overspent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--approvals", type=int, default=1024, help="of each crowd")
    parser.add_argument("--lane-runs", type=int, default=64, help="trade runs asked for at once; 0: no lane")
    options = parser.parse_args()
    console = Console()
    with running_postgres(is_durable=True) as server:
        found = [measure(server.url(SHARED), crowd, options.approvals) for crowd in CROWDS]
    table = Table("processes", "connections", "approvals", "granted", "a second", "reserved", "of", title="Approvals")
    for each in found:
        table.add_row(*map(str, each.values()))
    console.print(table)
    lane = measure_lane(options.lane_runs) if options.lane_runs else None
    if lane is not None:
        console.print("Dagster's lane:", ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in lane.items()))
    keep("ledger_throughput", {"crowds": found, "lane": lane}, console)
    overspent = any(Decimal(each["reserved"]) > Decimal(each["money"]) for each in found)
    broken = lane is not None and (lane["most_at_once"] > 1 or lane["balances_overspent"] > 0)
    return 1 if overspent or broken else 0


def measure(url: str, crowd: Crowd, approvals: int) -> dict[str, Any]:
    """One crowd at an account of its own."""
    account, money = f"crowd-of-{crowd.at_once}", Decimal(int(approvals * ENOUGH_FOR))
    asked = [Approval(account, number, Decimal(1)) for number in range(approvals)]
    engine = make_engine(url)
    ledger = PostgresLedger(engine)
    ledger.open_account(account, "USDT", "paper", START)
    ledger.reconcile(account, {"USDT": money}, at_revision=0, at=START)
    ledger.record_signals([each.about for each in asked], START)
    granted, seconds = approve(url, asked, crowd)
    reserved = ledger.account(account).balances["USDT"].reserved
    engine.dispose()
    return {
        "processes": crowd.processes,
        "connections": crowd.at_once,
        "approvals": approvals,
        "granted": granted,
        "a_second": round(approvals / seconds, 1),
        "reserved": str(reserved),
        "money": str(money),
    }


if __name__ == "__main__":
    sys.exit(main())
