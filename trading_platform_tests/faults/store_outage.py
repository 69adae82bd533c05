"""An outage of InfluxDB under the platform's own services: what they still do, and what has arrived in the end.

One worker (candles, checks, indicators, signals), one writer of prices and one watcher, each with ports of its own as
separate processes have them, over PostgreSQL, the simulated exchange and the stand-in for InfluxDB. The stand-in takes
requests and says nothing; those it holds are served when it comes to itself, long after the client has given up.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from trading_platform.adapters.influxdb import flux, points, prepare_influxdb
from trading_platform.bootstrap import Platform
from trading_platform.domain.candle import Candle
from trading_platform.domain.errors import RetryLater
from trading_platform.ports.series_store import CandleRange
from trading_platform.services.check_market_data import check_market_data
from trading_platform.services.generate_signals import generate_signals
from trading_platform.services.refresh_market import refresh_candles, refresh_tickers
from trading_platform.services.store_indicators import store_indicators
from trading_platform.services.watch_store import watch_store
from trading_platform.settings import Settings
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform_tests.support.examples import MINUTE
from trading_platform_tests.support.influx import Fault, InfluxServer, running_influx
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.simulated import API_KEY, API_SECRET, simulated_exchange

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
HISTORY = 500
_PATHS = ("/api/v2/write", "/api/v2/query")
_PRICE_SECONDS = 0.5
_WATCH_SECONDS = 1.0
_PAGE = 1000
_RECOVERY_SECONDS = 600.0


@dataclass(frozen=True)
class Plan:
    """How long, in wall seconds, and how fast the market goes meanwhile."""

    before_seconds: float
    outage_seconds: float
    speed: float = 60.0
    tick_seconds: float = 1.0


@dataclass
class Outcome:
    """What came of it.

    Parameters
    ----------
    ticks, whole_ticks
        Refreshes during the outage, and those in which every step succeeded.
    failures
        Steps that didn't, by name and first reason.
    longest_tick_seconds
        During the outage: its first ticks wait for answers that don't come.
    most_waiting
        Points in the spool at its fullest.
    recovery_seconds
        From the moment when the server answered again until nothing waited.
    candles, prices, indicators
        Accepted, and to be found in InfluxDB exactly once.
    corrected
        Candles that were written again with other values.
    told
        Titles of the owner's messages.
    """

    ticks: int = 0
    whole_ticks: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    longest_tick_seconds: float = 0.0
    most_waiting: int = 0
    recovery_seconds: float = 0.0
    signals: int = 0
    candles: int = 0
    prices: int = 0
    indicators: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    corrected: int = 0
    told: list[str] = field(default_factory=list)


class _Loop:
    """Something that is done again and again by a thread, until the end."""

    def __init__(self, work: Callable[[], None], seconds: float) -> None:
        self._work, self._seconds, self._end = work, seconds, threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._thread.start()

    def _go(self) -> None:
        while not self._end.wait(self._seconds):
            self._work()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(60)


def run_outage(plan: Plan, archive: Path, database_url: str) -> Outcome:
    """Before, during and after an outage, on an empty database."""
    with (
        running_influx() as influx,
        simulated_exchange(
            market=ArchiveMarketConfig(archive, tuple(symbol.replace("/", "") for symbol in SYMBOLS)),
            speed=plan.speed,
            warmup_candles=HISTORY,
        ) as exchange,
    ):
        settings = _settings(influx, exchange.base_url, database_url, archive, plan.speed)
        prepare_influxdb(settings)
        return _Show(plan, settings, influx).run()


def _settings(influx: InfluxServer, exchange_url: str, database_url: str, archive: Path, speed: float) -> Settings:
    return plain_settings(
        market={"symbols": SYMBOLS, "history_candles": HISTORY, "window_candles": HISTORY},
        venue={"market_data": "rest"},
        store={"kind": "influxdb", "outage_incident_seconds": 5},
        influxdb={
            "url": influx.url,
            "token": influx.token,
            "org": influx.org,
            "timeout_seconds": 2,
            "retry_seconds": 2,
        },
        replay={"folder": archive, "speed": speed},
        servers={
            "database": database_url,
            "simulator": exchange_url,
            "simulator_api_key": API_KEY,
            "simulator_api_secret": API_SECRET,
        },
    )


class _Show:
    def __init__(self, plan: Plan, settings: Settings, influx: InfluxServer) -> None:
        self._plan, self._influx, self._settings = plan, influx, settings
        self._worker, self._prices, self._watcher = (Platform(settings) for _ in range(3))
        self._accepted: set[tuple[str, datetime]] = set()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        self._worker.open_account()
        loops = [_Loop(self._write_prices, _PRICE_SECONDS), _Loop(self._watch, _WATCH_SECONDS)]
        try:
            self._refresh_for(self._plan.before_seconds)
            awake = threading.Event()
            for path in _PATHS:
                self._influx.faults.always(path, Fault(hold=awake))
            self._refresh_for(self._plan.outage_seconds, self.outcome)
            for path in _PATHS:
                self._influx.faults.always(path, None)
            awake.set()
            self._recover()
        finally:
            for loop in loops:
                loop.stop()
        assert self._watcher.spooling_store
        while not self._watcher.spooling_store.catch_up(10):
            pass
        self._watch()
        self.outcome.told = [message.title for message in self._watcher.journal.undelivered(100)]
        self._judge()
        return self.outcome

    def _refresh_for(self, seconds: float, outcome: Outcome | None = None) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            failures = self._refresh()
            if outcome is not None:
                took = time.monotonic() - begun
                outcome.ticks += 1
                outcome.whole_ticks += not failures
                outcome.failures.update(failures)
                outcome.longest_tick_seconds = max(outcome.longest_tick_seconds, took)
            time.sleep(max(0.0, self._plan.tick_seconds - (time.monotonic() - begun)))

    def _refresh(self) -> list[str]:
        """What a refresh run does; which of its steps failed."""
        platform, market = self._worker, self._settings.market
        account, failures = self._settings.account.name, []
        steps: dict[str, Callable[[], object]] = {
            "candles": lambda: _no_failure(
                refresh_candles(
                    platform.feed,
                    platform.store,
                    platform.clock,
                    SYMBOLS,
                    platform.intervals,
                    market.history_candles,
                    at_once=4,
                )
            ),
            "checks": lambda: check_market_data(platform.quality, platform.intervals),
            "indicators": lambda: store_indicators(
                platform.store, SYMBOLS, platform.intervals, platform.indicators, market.window_candles
            ),
            "signals": lambda: generate_signals(
                platform.store,
                platform.ledger,
                platform.clock,
                account,
                SYMBOLS,
                platform.strategies,
                market.window_candles,
            ),
        }
        for name, step in steps.items():
            try:
                step()
            except RetryLater as trouble:
                failures.append(f"{name}: {trouble}")
        return failures

    def _write_prices(self) -> None:
        try:
            tickers = refresh_tickers(self._prices.feed, self._prices.store, self._prices.clock, SYMBOLS)
        except RetryLater:
            return
        self._accepted |= {(ticker.symbol, ticker.venue_time) for ticker in tickers}

    def _watch(self) -> None:
        platform = self._watcher
        assert platform.spooling_store
        trouble = platform.spooling_store.guard.trouble
        state = watch_store(platform.spool, platform.journal, platform.clock, self._settings.store, trouble)
        self.outcome.most_waiting = max(self.outcome.most_waiting, state.points)
        platform.spooling_store.catch_up(1.0)

    def _recover(self) -> None:
        begun = time.monotonic()
        while self._worker.spool.state().rows and time.monotonic() - begun < _RECOVERY_SECONDS:
            time.sleep(0.05)
        self.outcome.recovery_seconds = time.monotonic() - begun
        self._refresh_for(3 * self._plan.tick_seconds)

    def _judge(self) -> None:
        """Compare what is in InfluxDB itself with what the exchange has and what was accepted."""
        outcome, store = self.outcome, self._worker.influx_store
        for symbol in SYMBOLS:
            stored = store.candles(symbol, MINUTE)
            by_time = {candle.open_time: candle for candle in stored}
            true = self._true_candles(symbol, stored[0].open_time, stored[-1].open_time)
            outcome.candles += len(true)
            outcome.lost += len(true.keys() - by_time.keys())
            outcome.doubled += len(stored) - len(by_time) + store.count_candles(symbol, MINUTE) - len(stored)
            outcome.wrong += sum(by_time.get(time, candle) != candle for time, candle in true.items())
            whole = CandleRange(symbol, MINUTE, stored[0].open_time, stored[-1].open_time)
            outcome.corrected += store.versions([whole])[0].inside.corrections
            computed = store.indicators(symbol, MINUTE, newest=100_000)
            wanted = {time for time in by_time if time >= min(computed)}
            outcome.indicators += len(wanted)
            outcome.lost += len(wanted - computed.keys())
        prices = self._stored_prices()
        outcome.prices = len(self._accepted)
        outcome.lost += max(0, outcome.prices - prices)
        outcome.doubled += max(0, prices - outcome.prices)
        outcome.signals = len(self._worker.ledger.recent_signals(self._settings.account.name, 1000))

    def _true_candles(self, symbol: str, first: datetime, last: datetime) -> dict[datetime, Candle]:
        found: dict[datetime, Candle] = {}
        since = first
        while since <= last:
            page = self._worker.feed.candles(symbol, MINUTE, since, _PAGE)
            if not page:
                break
            found |= {candle.open_time: candle for candle in page if candle.open_time <= last}
            since = page[-1].open_time + MINUTE.length
        return found

    def _stored_prices(self) -> int:
        store = self._worker.influx_store
        parameters = {"bucket": store.buckets.ticks, "begin": flux.BEGINNING, "end": flux.END_OF_TIME}
        tables = store.connection.query(flux.count_of_all(points.TICKERS, "exact"), parameters)
        return sum(int(value) for table in tables for value in table.column("_value"))


def _no_failure(series: object) -> None:
    for each in series:  # type: ignore[attr-defined]
        if not each.is_refreshed:  # holes far back wait for the store's whole history
            raise RetryLater(each.failure)
