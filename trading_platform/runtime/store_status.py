"""`trading-platform store status`: where market data is, what is there, and what waits to get there."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import typer
from rich.console import Console
from rich.table import Table

from trading_platform.adapters.store_guard import INFLUXDB
from trading_platform.bootstrap import Platform
from trading_platform.domain.candle import Interval
from trading_platform.domain.circuit import Circuit, CircuitState, current
from trading_platform.domain.errors import PlatformError
from trading_platform.ports.clock import WallClock
from trading_platform.ports.store_spool import SpoolState
from trading_platform.runtime.attach import attach
from trading_platform.services.summarise_store import StoredSeries, summarise_store
from trading_platform.settings import Settings


@dataclass(frozen=True)
class StoreStatus:
    """The whole.

    Parameters
    ----------
    place
        Server and bucket or database, without credentials.
    series
        None while the store doesn't answer.
    trouble
        Why it doesn't; empty when it does.
    breaker
        Of this command's own circuit after asking.
    breakers
        The words of the platform's processes on theirs: each has one.
    """

    kind: str
    place: str
    series: list[StoredSeries] | None
    trouble: str
    spool: SpoolState
    breaker: str
    breakers: list[Circuit]


def show_store_status(settings: Settings, *, as_json: bool, symbols: Sequence[str] = ()) -> int:
    """Print it; 0 if the store answers and nothing waits, 1 otherwise.

    Raises
    ------
    FixSettings
        If the platform's PostgreSQL is embedded and doesn't run.
    """
    platform, _, _ = attach(settings)
    status = store_status(platform, [symbol.upper() for symbol in symbols])
    typer.echo(_as_json(status) if as_json else _as_text(status))
    return 1 if status.trouble or status.spool.rows else 0


def store_status(platform: Platform, symbols: Sequence[str] = ()) -> StoreStatus:
    """One look at these symbols, at those of the settings by default."""
    settings, series, trouble = platform.settings, None, ""
    intervals = [Interval.parse(name) for name in Interval.names()]
    store = platform.spooling_store or platform.base_store
    try:
        series = summarise_store(store, symbols or settings.market.symbols, intervals, platform.intervals)
    except PlatformError as silence:
        trouble = str(silence)
    breaker = str(platform.spooling_store.guard.state) if platform.spooling_store else "none needed"
    spool, breakers = platform.spool.state(), _breakers(platform)
    return StoreStatus(settings.store.kind, _place(platform), series, trouble, spool, breaker, breakers)


def _breakers(platform: Platform) -> list[Circuit]:
    if platform.spooling_store is None or platform.circuits is None:
        return []
    seen = current(platform.circuits.circuits(), WallClock().wall())
    return [circuit for circuit in seen if (circuit.venue, circuit.group) == (INFLUXDB, None)]


def _place(platform: Platform) -> str:
    settings = platform.settings
    if settings.store.kind == "influxdb":
        bucket = platform.influx_store.buckets.candles
        return f"{settings.influxdb.url}, bucket {bucket}, org {settings.influxdb.org}"
    database = settings.servers.database.get_secret_value() if settings.servers.database else ""
    return database.rpartition("@")[2]


def _as_json(status: StoreStatus) -> str:
    return json.dumps(asdict(status), indent=2, default=lambda value: value.isoformat())


def _as_text(status: StoreStatus) -> str:
    text = io.StringIO()
    console = Console(file=text, width=120, color_system=None, highlight=False)
    console.print(f"Market data is in {status.kind}: {status.place}")
    if status.series is None:
        console.print(f"It doesn't answer: {status.trouble}")
    else:
        table = Table("symbol", "interval", "candles", "oldest (UTC)", "newest (UTC)", box=None, pad_edge=False)
        for each in status.series:
            table.add_row(each.symbol, each.interval, f"{each.candles:,}", _utc(each.oldest), _utc(each.newest))
        console.print(table)
    spool = status.spool
    since = f", the oldest since {_utc(spool.oldest_at)} UTC" if spool.oldest_at else ""
    console.print(
        f"Spool: {spool.rows:,} writes with {spool.points:,} points wait{since} (room for {spool.bound_points:,})"
    )
    if spool.refused:
        console.print(f"Refused by the store for good: {spool.refused:,} writes, in the table store_refusals")
    console.print(f"Circuit breaker of this command: {status.breaker}")
    for circuit in status.breakers:
        why = "" if circuit.state is CircuitState.CLOSED or circuit.reason == status.trouble else f": {circuit.reason}"
        state = str(circuit.state).replace("_", "-")
        console.print(f"  of {circuit.process}: {state} since {circuit.since:%H:%M:%S} UTC{why}")
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "—"
