"""What a refresh costs as the number of symbols grows: `make bench-symbols`.

The platform's own services over its real adapters, in one process, against PostgreSQL and the simulated exchange, each
a process of its own. The market stands still between two ticks and then closes one candle of every symbol: so every
measured tick has as much to do as a tick ever has. *First start* is the tick that fetches the whole window. The last
row of each table is the refresh job itself, in this process, and the last table has a venue that is 60 ms away.
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

import dagster as dg
import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.records import keep
from trading_platform.adapters.simulated_exchange.control import SimulatorControl
from trading_platform.bootstrap import Platform
from trading_platform.definitions import definitions
from trading_platform.defs.indicators.assets import SERIES_AT_ONCE
from trading_platform.domain.errors import RetryLater
from trading_platform.runtime.endpoints import free_ports
from trading_platform.services.check_market_data import check_market_data
from trading_platform.services.generate_signals import generate_signals
from trading_platform.services.refresh_market import refresh_candles, refresh_tickers
from trading_platform.services.store_indicators import store_indicators
from trading_platform.services.value_account import record_equity
from trading_platform.simulator.config import AccountConfig, SimulatorConfig, SyntheticMarketConfig
from trading_platform.simulator.server import serve
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.postgres import PostgresServer, running_postgres

NUMBERS = (1, 10, 100)
LATENCY_SECONDS = 0.06
LIMIT_SECONDS = 5.0
_KEY = "benchmark"
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Measured:
    """Seconds, at the median of the ticks, of one number of symbols.

    Parameters
    ----------
    computing
        Of the tick, what this process itself computed: other work on the computer makes a tick longer, but hardly this.
    """

    symbols: int
    latency_seconds: float
    first_start: float
    stages: dict[str, float]
    tick: float
    computing: float
    longest_tick: float
    quiet_tick: float
    job: float

    @property
    def per_symbol(self) -> float:
        """Of a tick with a new candle for each."""
        return self.tick / self.symbols


def symbols_of(number: int) -> list[str]:
    """So many pairs that the simulated exchange knows how to make up."""
    return [f"COIN{index:02d}/USDT" for index in range(number)]


@contextmanager
def exchange_of(symbols: Sequence[str], folder: Path) -> Iterator[str]:
    """The simulated exchange in a process of its own; its address."""
    [port] = free_ports(1)
    config = SimulatorConfig(
        folder / "exchange.sqlite",
        SyntheticMarketConfig(11347, tuple(symbol.replace("/", "") for symbol in symbols), history_candles=2000),
        (AccountConfig("main", _KEY, _KEY, {"USDT": Decimal("84.54")}),),
        port=port,
        step=True,
    )
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(config,))
    process.start()
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(SimulatorControl(url))
        yield url
    finally:
        process.terminate()
        process.join(10)


def _wait_for(control: SimulatorControl) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            control.position()
        except RetryLater:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def platform_of(symbols: Sequence[str], database_url: str, exchange_url: str) -> Platform:
    """The platform as `up` composes it."""
    return Platform(
        plain_settings(
            market={"symbols": symbols, "history_candles": 1000},
            servers={
                "database": database_url,
                "simulator": exchange_url,
                "simulator_api_key": _KEY,
                "simulator_api_secret": _KEY,
            },
        )
    )


def stages_of(platform: Platform) -> dict[str, Callable[[], object]]:
    """What the refresh job does, one after the other."""
    settings, store, clock = platform.settings, platform.store, platform.clock
    market, account = settings.market, settings.account.name
    return {
        "tickers": lambda: refresh_tickers(platform.feed, store, platform.clock, market.symbols),
        "candles": lambda: refresh_candles(
            platform.feed,
            store,
            clock,
            market.symbols,
            platform.intervals,
            market.history_candles,
            at_once=settings.requests.at_once,
            repair_days=settings.history.repair_days,
        ),
        "checks": lambda: check_market_data(platform.quality, platform.intervals),
        "indicators": lambda: store_indicators(
            store,
            market.symbols,
            platform.intervals,
            platform.indicators,
            market.window_candles,
            at_once=SERIES_AT_ONCE,
        ),
        "signals": lambda: generate_signals(
            store, platform.ledger, clock, account, market.symbols, platform.strategies, market.window_candles
        ),
        "equity": lambda: record_equity(platform.ledger, store, clock, account),
    }


def measure(number: int, ticks: int, server: PostgresServer, latency: float, profile: Path | None) -> Measured:
    """One number of symbols, on a fresh database and a fresh exchange."""
    symbols = symbols_of(number)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        exchange_of(symbols, Path(folder)) as exchange_url,
    ):
        control = SimulatorControl(exchange_url)
        platform = platform_of(symbols, server.emptied_database(), exchange_url)
        platform.open_account()
        stages = stages_of(platform)
        if latency:
            control.add_fault("delay", delay_seconds=latency, channel="rest")
        first = sum(_timed(stages).values())
        _step(control)
        _timed(stages)  # strategies start with the newest candle
        profiler = cProfile.Profile() if profile else None
        found, computed = [], []
        for _ in range(ticks):
            _step(control)
            if profiler:
                profiler.enable()
            before = time.process_time()
            found.append(_timed(stages))
            computed.append(time.process_time() - before)
            if profiler:
                profiler.disable()
        quiet = sum(_timed(stages).values())
        _step(control)
        job = _job_seconds(platform)
        if profiler and profile:
            with profile.open("w") as text:
                pstats.Stats(profiler, stream=text).sort_stats("cumulative").print_stats(60)
        totals = [sum(tick.values()) for tick in found]
        medians = {name: statistics.median(tick[name] for tick in found) for name in stages}
        computing = statistics.median(computed)
        return Measured(number, latency, first, medians, statistics.median(totals), computing, max(totals), quiet, job)


def _step(control: SimulatorControl) -> None:
    """Close a candle; long enough after the last tick for the caches to look at the store again, as after 15 s."""
    time.sleep(1.1)
    control.step(control.position().now)


def _timed(stages: dict[str, Callable[[], object]]) -> dict[str, float]:
    seconds = {}
    for name, work in stages.items():
        begun = time.perf_counter()
        work()
        seconds[name] = time.perf_counter() - begun
    return seconds


def _job_seconds(platform: Platform) -> float:
    """The refresh job as Dagster runs it, with its own storage in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        begun = time.perf_counter()
        definitions.resolve_job_def("refresh").execute_in_process(instance=instance, resources={"platform": platform})
        return time.perf_counter() - begun


def show(console: Console, results: Sequence[Measured]) -> None:
    """One table; ratios against the first column."""
    base = results[0]
    far = f", venue {base.latency_seconds * 1000:.0f} ms away" if base.latency_seconds else ""
    columns = (f"{r.symbols} symbol{'s' * (r.symbols > 1)}" for r in results)
    table = Table("milliseconds", *columns, title=f"A refresh tick in which every symbol has a new candle{far}")
    for name in base.stages:
        table.add_row(name, *(_ms(r.stages[name]) for r in results))
    rows: tuple[tuple[str, Callable[[Measured], float]], ...] = (
        ("tick, median", lambda r: r.tick),
        ("… of which this process computed", lambda r: r.computing),
        ("tick, longest", lambda r: r.longest_tick),
        ("tick without a new candle", lambda r: r.quiet_tick),
        ("first start, 1000 candles each", lambda r: r.first_start),
        ("the refresh job in process", lambda r: r.job),
        ("per symbol and new candle", lambda r: r.per_symbol),
        ("per candle of the first start", lambda r: r.first_start / (1000 * r.symbols)),
    )
    for name, value in rows:
        table.add_row(name, *(_ms(value(r)) for r in results))
    table.add_row("… per symbol, of one symbol's", *(f"{r.per_symbol / base.per_symbol:.0%}" for r in results))
    console.print(table)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g}" if seconds < 1 else f"{seconds * 1000:,.0f}"


def main() -> None:
    """Measure, show, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=7)
    parser.add_argument("--symbols", type=int, nargs="*", default=NUMBERS)
    parser.add_argument("--no-latency", action="store_true", help="leave out the venue that is far away")
    parser.add_argument("--profile", type=Path, help="write where the time of the last number goes")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    console = Console(width=110)
    results: dict[float, list[Measured]] = {}
    with running_postgres() as server:
        for latency in (0.0,) if options.no_latency else (0.0, LATENCY_SECONDS):
            for number in options.symbols:
                profile = options.profile if number == options.symbols[-1] and not latency else None
                results.setdefault(latency, []).append(measure(number, options.ticks, server, latency, profile))
            show(console, results[latency])
    slowest = max(r.job for each in results.values() for r in each)
    console.print(f"The slowest cycle took {slowest:.2f} s, {'within' if slowest < LIMIT_SECONDS else 'BEYOND'} 5 s.")
    keep("many_symbols", {"measured": [asdict(r) for each in results.values() for r in each]}, console)


if __name__ == "__main__":
    main()
