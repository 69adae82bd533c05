"""The data path without Dagster: the stream process's work and the refresh run's, against a venue that misbehaves.

Sockets, HTTP and PostgreSQL are real; the venue is the simulated exchange on loopback. What is seen is written down, in
wall time, and judged elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.adapters.postgres.stream_journal import PostgresStreamJournal
from trading_platform.bootstrap import Platform
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.stream import StreamChange, StreamState, StreamStatus
from trading_platform.runtime.stream import listen
from trading_platform.services.check_market_data import check_clock
from trading_platform.services.refresh_market import refresh_candles
from trading_platform.services.serve_fallback import serve_tickers
from trading_platform.services.watch_clock import watch_clock
from trading_platform_tests.faults.data_scenarios import EVERY, Scenario
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange

MINUTE = Interval.parse("1m")
HISTORY_CANDLES = 500
_LOOK_SECONDS = 0.2
_START_SECONDS = 40.0
_LOOK_BACK = timedelta(days=3)
_MOST_CHANGES = 10_000


@dataclass(frozen=True)
class Pace:
    """The platform's own limits, in wall seconds; the defaults are those of settings.toml."""

    cadence_seconds: float = 15.0
    streams: Mapping[str, float] = field(default_factory=dict)
    watcher_seconds: float = 5.0
    recovery_seconds: float = 75.0
    """How long the streams are waited for after the fault."""
    phase: float = 0.0
    """Where in the cadence the fault begins: 0 just after a refresh has begun, 1 just before the next one."""


@dataclass(frozen=True)
class Look:
    """What the store said at one moment.

    Parameters
    ----------
    requests
        That the venue's fault of kind `delay` has counted; None without one.
    """

    at: datetime
    tickers: Mapping[str, Ticker]
    statuses: Mapping[str, StreamStatus]
    requests: int | None


@dataclass(frozen=True)
class Tick:
    """One round of the refresh run; `missing` are the candles that the store lacks after it, between others."""

    at: datetime
    ended_at: datetime
    trouble: tuple[str, ...]
    clock_passed: bool
    missing: int

    @property
    def went_well(self) -> bool:
        """Whether nothing is left to be done."""
        return not self.trouble and self.clock_passed and not self.missing


@dataclass(frozen=True)
class ClockVerdict:
    """What a look at the venue's clock said, once it was on record."""

    at: datetime
    passed: bool


@dataclass(frozen=True)
class StoredCandle:
    """A row of the store."""

    candle: Candle
    source: str
    received_at: datetime


@dataclass
class Record:
    """Everything that was seen of one scenario; candles are those of the whole time, per symbol."""

    fault_at: datetime
    fault_ended_at: datetime
    looks: list[Look]
    ticks: list[Tick]
    clock_verdicts: list[ClockVerdict]
    changes: list[StreamChange]
    stored: dict[str, dict[datetime, StoredCandle]]
    published: dict[str, dict[datetime, Candle]]
    stored_rows: int
    corrections: int
    silence_until: datetime | None
    has_recovered: bool


def run_scenario(scenario: Scenario, pace: Pace, database_url: str) -> Record:
    """Put the data path through the scenario, on a migrated and empty database."""
    with simulated_exchange(speed=scenario.market_speed) as venue:
        return asyncio.run(_DataPath(scenario, pace, venue, database_url).run())


class _DataPath:
    def __init__(self, scenario: Scenario, pace: Pace, venue: SimulatedExchange, database_url: str) -> None:
        self._scenario, self._pace, self._venue = scenario, pace, venue
        servers = {
            "database": database_url,
            "simulator": venue.base_url,
            "simulator_api_key": venue.api_key,
            "simulator_api_secret": venue.api_secret,
        }
        settings = plain_settings(
            servers=servers,
            market={"symbols": EVERY, "history_candles": HISTORY_CANDLES},
            streams=pace.streams,
            cadence={"refresh_seconds": pace.cadence_seconds, "watcher_seconds": pace.watcher_seconds},
        )
        # as in the platform: three processes, which share nothing but the database
        self._listener, self._refresher, self._watcher = (Platform(settings) for _ in range(3))
        self._engine = make_engine(database_url, pool_size=1)  # the observer remembers nothing
        self._store, self._journal = PostgresSeriesStore(self._engine), PostgresStreamJournal(self._engine)
        self._looks: list[Look] = []
        self._ticks: list[Tick] = []
        self._begun: list[float] = []
        self._clock_verdicts: list[ClockVerdict] = []
        self._stop = asyncio.Event()

    async def run(self) -> Record:
        listening = asyncio.create_task(listen(self._listener, self._stop))
        others = [
            asyncio.create_task(job) for job in (self._keep_refreshing(), self._keep_looking(), self._keep_watching())
        ]
        try:
            if not await self._come_true(self._is_well, _START_SECONDS):
                raise TimeoutError(f"the data path didn't start: {self._journal.statuses()}")
            await self._wait_for_phase()
            fault_at = datetime.now(UTC)
            await asyncio.to_thread(self._set_faults)
            await asyncio.sleep(self._scenario.seconds)
            await asyncio.to_thread(self._venue.control.clear_faults)
            fault_ended_at = datetime.now(UTC)
            has_recovered = await self._come_true(
                lambda: self._is_well(since=fault_ended_at), self._pace.recovery_seconds
            )
        finally:
            self._stop.set()
            await asyncio.gather(listening, *others)
        return await asyncio.to_thread(self._record, fault_at, fault_ended_at, has_recovered)

    async def _wait_for_phase(self) -> None:
        """Until the fault's moment within the refresh's cadence has come."""
        cadence = self._pace.cadence_seconds
        passed = (time.monotonic() - self._begun[-1]) / cadence
        await asyncio.sleep(((self._pace.phase - passed) % 1.0) * cadence)

    def _set_faults(self) -> None:
        for fault in self._scenario.faults:
            self._venue.control.fault(**fault)

    async def _come_true(self, condition: Callable[[], bool], longest_seconds: float) -> bool:
        deadline = time.monotonic() + longest_seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    def _is_well(self, since: datetime | None = None) -> bool:
        """Every stream lives, has prices that are younger than `since`, and a tick has gone well and left no hole."""
        if not self._looks:
            return False
        look = self._looks[-1]
        begun = since or datetime.min.replace(tzinfo=UTC)
        return (
            all(symbol in look.tickers and look.tickers[symbol].received_at > begun for symbol in EVERY)
            and all(look.statuses[symbol].state is StreamState.LIVE for symbol in EVERY)
            and any(
                tick.at > begun and not tick.trouble and tick.clock_passed and not tick.missing
                for tick in self._ticks[-1:]
            )
        )

    async def _keep_refreshing(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            self._begun.append(begun)
            self._ticks.append(await asyncio.to_thread(self._refresh))
            await _pause(self._stop, self._pace.cadence_seconds - (time.monotonic() - begun))

    def _refresh(self) -> Tick:
        platform, at, trouble = self._refresher, datetime.now(UTC), []
        settings, market = platform.settings, platform.settings.market
        try:
            serve_tickers(
                platform.feed, platform.store, platform.streams, platform.clock, market.symbols, settings.streams
            )
        except RetryLater as why:
            trouble.append(f"tickers: {why}")
        try:
            refreshed = refresh_candles(
                platform.feed,
                platform.store,
                platform.clock,
                market.symbols,
                platform.intervals,
                market.history_candles,
                at_once=settings.requests.at_once,
                repair_days=settings.history.repair_days,
            )
            trouble += [series.failure for series in refreshed if series.failure]
        except RetryLater as why:
            trouble.append(f"candles: {why}")
        clock = check_clock(platform.feed, platform.clock, settings)
        holes = (
            hole for symbol in EVERY for hole in self._store.missing_candles(symbol, MINUTE, start=at - _LOOK_BACK)
        )
        return Tick(at, datetime.now(UTC), tuple(trouble), clock.passed, sum(hole.candles for hole in holes))

    async def _keep_watching(self) -> None:
        watcher = self._watcher
        while not self._stop.is_set():
            result = await asyncio.to_thread(
                watch_clock, watcher.feed, watcher.journal, watcher.clock, watcher.settings
            )
            self._clock_verdicts.append(ClockVerdict(datetime.now(UTC), result.passed))
            await _pause(self._stop, self._pace.watcher_seconds)

    async def _keep_looking(self) -> None:
        while not self._stop.is_set():
            self._looks.append(await asyncio.to_thread(self._look))
            await _pause(self._stop, _LOOK_SECONDS)

    def _look(self) -> Look:
        tickers, statuses = self._store.tickers(EVERY), self._journal.statuses()
        counting = any(fault["kind"] == "delay" for fault in self._scenario.faults)
        return Look(datetime.now(UTC), tickers, statuses, self._count_requests() if counting else None)

    def _count_requests(self) -> int | None:
        hits = [fault["hits"] for fault in self._venue.control.get("faults") if fault["kind"] == "delay"]
        return int(hits[0]) if hits else None

    def _record(self, fault_at: datetime, fault_ended_at: datetime, has_recovered: bool) -> Record:
        """After the last tick of all: whatever the market had closed by then must be stored."""
        until = self._refresher.clock.read().now
        self._ticks.append(self._refresh())
        with self._engine.connect() as connection:
            rows = connection.execute(text("SELECT * FROM candles ORDER BY symbol, open_time")).mappings().all()
            corrections = connection.execute(text("SELECT count(*) FROM candle_corrections")).scalar_one()
            silence = connection.execute(text("SELECT max(until) FROM request_silences")).scalar_one()
        changes = self._journal.changes(_MOST_CHANGES)[::-1]
        self._engine.dispose()
        stored: dict[str, dict[datetime, StoredCandle]] = {symbol: {} for symbol in EVERY}
        for row in rows:
            stored[row["symbol"]][row["open_time"]] = _stored(row)
        published = {symbol: self._published(symbol, min(stored[symbol]), until) for symbol in EVERY if stored[symbol]}
        return Record(
            fault_at,
            fault_ended_at,
            self._looks,
            self._ticks,
            self._clock_verdicts,
            changes,
            stored,
            published,
            len(rows),
            corrections,
            silence,
            has_recovered,
        )

    def _published(self, symbol: str, since: datetime, until: datetime) -> dict[datetime, Candle]:
        """The exchange's own closed candles, read without any of the platform's code."""
        found: dict[datetime, Candle] = {}
        start_ms = int(since.timestamp() * 1000)
        while page := self._klines(symbol, start_ms):
            for fields in page:
                candle = Candle(datetime.fromtimestamp(fields[0] / 1000, UTC), *map(Decimal, fields[1:6]))
                found[candle.open_time] = candle
            start_ms = page[-1][0] + 60_000
        return {open_time: candle for open_time, candle in found.items() if MINUTE.close_of(open_time) <= until}

    def _klines(self, symbol: str, start_ms: int) -> list[Any]:
        query = f"symbol={symbol.replace('/', '')}&interval=1m&startTime={start_ms}&limit=1000"
        with urllib.request.urlopen(f"{self._venue.base_url}/api/v3/klines?{query}", timeout=10) as answer:
            page: list[Any] = json.loads(answer.read())
        return page if len(page) > 1 else []  # the last one is in progress


def _stored(row: Mapping[str, Any]) -> StoredCandle:
    candle = Candle(row["open_time"], row["open"], row["high"], row["low"], row["close"], row["volume"])
    return StoredCandle(candle, row["source"], row["received_at"])


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
    except TimeoutError:
        return
