"""Both stores of market data side by side: `make bench-stores`.

Writing: candles in the batches of an import, straight into each store. The refresh query: the newest window of one
series as a frame, as a strategy asks for it without any cache, and all series' states in one question, as the cache
asks at each tick. One candle: what a write costs when a tick brings one, with and without the spool before it.

InfluxDB is the server that INFLUXDB_V2_URL, INFLUXDB_V2_TOKEN and INFLUXDB_V2_ORG name. Without them it is the tests'
stand-in, a Python program in a thread of this process: the figures then say what the client's side costs at most, and
nothing about InfluxDB.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from benchmarks.records import keep
from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.adapters.postgres.store_spool import PostgresStoreSpool
from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
from trading_platform.adapters.store_guard import StoreGuard
from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.series_store import CandleRange, SeriesStore
from trading_platform_tests.support.influx.sites import (
    InfluxSite,
    influx_server,
    influx_stand_in,
    real_server_is_known,
)
from trading_platform_tests.support.postgres import SHARED, running_postgres

MINUTE = Interval.parse("1m")
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
BATCH = 10_000
WINDOW = 500
SPOOL_POINTS = 2_000_000
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Measured:
    """One store."""

    name: str
    written_per_second: float
    read_per_second: float
    window_p50_ms: float
    window_p95_ms: float
    states_p95_ms: float
    one_candle_p50_ms: float
    one_candle_p95_ms: float


def candles_of(number: int) -> list[Candle]:
    """A seeded random walk, with as many digits as a venue's candles have."""
    random = np.random.default_rng(11347)
    closes = np.abs(50_000 + np.cumsum(random.normal(0, 3, number))) + 10
    volumes = random.lognormal(1, 1, number)
    return [
        Candle(_FIRST + minute * MINUTE.length, *map(_decimal, (close, close + 1, close - 1, close, volume)))
        for minute, (close, volume) in enumerate(zip(closes.tolist(), volumes.tolist(), strict=True))
    ]


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.8f}")


def measure(name: str, store: SeriesStore, candles: list[Candle], rounds: int) -> Measured:
    """Write everything for each symbol, then ask."""
    begun = time.perf_counter()
    for symbol in SYMBOLS:
        for first in range(0, len(candles), BATCH):
            _write(store, symbol, candles[first : first + BATCH])
    writing = time.perf_counter() - begun
    begun = time.perf_counter()
    read = sum(len(store.candles(symbol, MINUTE)) for symbol in SYMBOLS)
    reading = time.perf_counter() - begun
    assert read == len(candles) * len(SYMBOLS), read
    windows = [_ms(lambda s=symbol: store.candle_frame(s, MINUTE, newest=WINDOW)) for symbol in SYMBOLS * rounds]
    ranges = [CandleRange(s, MINUTE, candles[-WINDOW].open_time, candles[-1].open_time) for s in SYMBOLS]
    states = [_ms(lambda: store.versions(ranges)) for _ in range(rounds)]
    end = candles[-1].open_time + MINUTE.length
    new = [Candle(end + n * MINUTE.length, *[Decimal("1.5")] * 5) for n in range(rounds)]
    singles = [_ms(lambda c=candle: _write(store, SYMBOLS[0], [c])) for candle in new]
    return Measured(
        name,
        read / writing,
        read / reading,
        statistics.median(windows),
        _p95(windows),
        _p95(states),
        statistics.median(singles),
        _p95(singles),
    )


def _write(store: SeriesStore, symbol: str, candles: list[Candle]) -> None:
    store.write_candles(symbol, MINUTE, candles, source="archive", received_at=datetime.now(UTC))


def _ms(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


@contextmanager
def stores(engine: Engine) -> Iterator[dict[str, SeriesStore]]:
    """What is compared."""
    is_real = real_server_is_known()
    name = "InfluxDB" if is_real else "stand-in for InfluxDB"
    with ExitStack() as stack:
        sites: list[InfluxSite] = [
            stack.enter_context(influx_server() if is_real else influx_stand_in()) for _ in range(2)
        ]
        spool = PostgresStoreSpool(engine, engine, SPOOL_POINTS)
        yield {
            "PostgreSQL": PostgresSeriesStore(engine),
            name: sites[0].store(),
            f"{name}, spool before it": SpoolingSeriesStore(sites[1].store(), spool, StoreGuard(name)),
        }


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candles", type=int, default=30_000, help="of each of the three symbols")
    parser.add_argument("--rounds", type=int, default=40, help="of each question")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    console, candles = Console(width=118), candles_of(options.candles)
    results = []
    with running_postgres(is_durable=True) as server:
        engine = make_engine(server.url(SHARED), waits_for_disk=False)
        with stores(engine) as compared:
            for name, store in compared.items():
                results.append(measure(name, store, candles, options.rounds))
        engine.dispose()
    table = Table(
        "", *(each.name for each in results), title=f"{len(candles):,} candles of {len(SYMBOLS)} symbols each"
    )
    rows: tuple[tuple[str, Callable[[Measured], str]], ...] = (
        ("written, points/s", lambda m: f"{m.written_per_second:,.0f}"),
        ("read, points/s", lambda m: f"{m.read_per_second:,.0f}"),
        (f"refresh query ({WINDOW} candles), p50", lambda m: f"{m.window_p50_ms:.1f} ms"),
        ("… p95", lambda m: f"{m.window_p95_ms:.1f} ms"),
        ("states of all series, p95", lambda m: f"{m.states_p95_ms:.1f} ms"),
        ("one candle written, p50", lambda m: f"{m.one_candle_p50_ms:.1f} ms"),
        ("… p95", lambda m: f"{m.one_candle_p95_ms:.1f} ms"),
    )
    for name, value in rows:
        table.add_row(name, *(value(each) for each in results))
    console.print(table)
    if not real_server_is_known():
        console.print(
            "No InfluxDB was measured: the stand-in is a Python program, so this is the client's side at most."
        )
    span = timedelta(minutes=len(candles))
    keep(
        "stores",
        {"is_real_influxdb": real_server_is_known(), "span_days": span.days, "results": [asdict(r) for r in results]},
        console,
    )


if __name__ == "__main__":
    main()
