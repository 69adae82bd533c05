"""How long an order takes from its committed reservation to its booked acknowledgement: `make bench-orders`.

The platform's own `submit_order` over its real ledger, on a PostgreSQL that waits for its disk. Once with a venue in
this process that answers at once, so that the figure is the platform's alone: that the order leaves is committed, and
its report is booked. Once with the simulated exchange in a process of its own, over loopback, signed and parsed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.many_symbols import exchange_of, platform_of
from benchmarks.records import keep
from trading_platform.bootstrap import Platform
from trading_platform.domain.instrument import ceil_to_step
from trading_platform.domain.order import Side
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.settle_orders import submit_order
from trading_platform.services.trading_desk import TradingDesk
from trading_platform_tests.fakes import FakeBroker, FakeClock
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL, decision, order, signal
from trading_platform_tests.support.postgres import running_postgres

WORTH_QUOTE = Decimal(20)
SLIPPAGE = Decimal("1.1")
LIMITS_MS = {"at once": 20.0, "over loopback": 100.0}
_WARM_UP = 20


@dataclass(frozen=True)
class Latencies:
    """Milliseconds of one venue's orders."""

    venue: str
    milliseconds: Sequence[float]

    def percentile(self, percent: int) -> float:
        """So many percent of the orders were quicker."""
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[percent - 1]

    def figures(self) -> dict[str, Any]:
        """What is kept."""
        return {
            "venue": self.venue,
            "orders": len(self.milliseconds),
            **{f"p{percent}_ms": round(self.percentile(percent), 2) for percent in (50, 90, 99)},
            "longest_ms": round(max(self.milliseconds), 2),
            "limit_p99_ms": LIMITS_MS[self.venue],
        }


def main() -> int:
    """Measure, show and keep; 1 if a limit was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=500, help="at each venue")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    console = Console()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(running_postgres(is_durable=True))
        exchange = stack.enter_context(exchange_of([SYMBOL], folder))
        found = [
            measure(name, platform_of([SYMBOL], server.emptied_database(), exchange), options.orders, make)
            for name, make in (("at once", _venue_at_once), ("over loopback", lambda desk: desk))
        ]
    table = Table("venue", "orders", "p50", "p90", "p99", "longest", "limit", title="Reserved to acknowledged, in ms")
    for each in found:
        table.add_row(*map(str, each.figures().values()))
    console.print(table)
    keep("order_latency", {"venues": [each.figures() for each in found]}, console)
    return 1 if any(each.percentile(99) > LIMITS_MS[each.venue] for each in found) else 0


def measure(name: str, platform: Platform, orders: int, make: Callable[[TradingDesk], TradingDesk]) -> Latencies:
    """Buy and sell in turn."""
    desk = make(platform.desk("bench"))
    price = _ask(desk)
    instrument = desk.instrument(SYMBOL)
    bought = ceil_to_step(WORTH_QUOTE / price, instrument.lot_step)
    state = desk.ledger.account(ACCOUNT)
    totals = {asset: balance.total for asset, balance in desk.broker.balances().items()}
    desk.ledger.reconcile(ACCOUNT, totals, at_revision=state.revision, at=desk.clock.wall())
    milliseconds = []
    for number in range(orders + _WARM_UP):
        side = Side.BUY if number % 2 == 0 else Side.SELL
        quantity = bought if side is Side.BUY else instrument.floor_quantity(_held(desk, instrument.base))
        milliseconds.append(_send(desk, number, side, quantity, price))
    assert not desk.ledger.unsettled_orders(ACCOUNT)
    return Latencies(name, milliseconds[_WARM_UP:])


def _send(desk: TradingDesk, number: int, side: Side, quantity: Decimal, price: Decimal) -> float:
    about = signal(number, Direction.LONG if side is Side.BUY else Direction.SHORT, SYMBOL)
    reserved = quantity * price * SLIPPAGE if side is Side.BUY else quantity
    made = replace(order(about, reserved, side=side, quantity=quantity), created_at=desk.clock.wall())
    desk.ledger.record_signals([about], desk.clock.wall())
    desk.ledger.reserve(made, decision(about))
    begun = time.perf_counter()
    submit_order(desk, made)
    taken = time.perf_counter() - begun
    return 1000 * taken


def _held(desk: TradingDesk, asset: str) -> Decimal:
    return desk.ledger.account(ACCOUNT).balances[asset].free


def _venue_at_once(desk: TradingDesk) -> TradingDesk:
    balances = {asset: balance.total for asset, balance in desk.broker.balances().items()}
    prices = {SYMBOL: _ask(desk)}
    at_once = FakeClock(desk.clock.read().now)  # the simulated exchange's own is asked over HTTP
    return replace(desk, broker=FakeBroker(at_once, [desk.instrument(SYMBOL)], balances, prices))


def _ask(desk: TradingDesk) -> Decimal:
    [ticker] = desk.feed.tickers([SYMBOL])
    return ticker.ask


if __name__ == "__main__":
    sys.exit(main())
