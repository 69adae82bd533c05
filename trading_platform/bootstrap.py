"""Putting adapters into ports: the one composition that Dagster, the watcher and the command line share.

Everything is made when it is first used, in the process that uses it: connections and clients made before a fork, or
at import, break in the worker's child process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeVar

from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings
from trading_platform.ports.clock import Clock, WallClock
from trading_platform.settings import Settings, current_settings, is_resident, process_name

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
    from trading_platform.adapters.influxdb import InfluxSeriesStore
    from trading_platform.adapters.simulated_exchange.control import SimulatorControl
    from trading_platform.adapters.simulated_exchange.standing_clock import StandingClock
    from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
    from trading_platform.domain.indicators import IndicatorSpec
    from trading_platform.ports.broker import Broker
    from trading_platform.ports.charts import ChartPainter
    from trading_platform.ports.circuit_journal import CircuitJournal
    from trading_platform.ports.health_journal import HealthJournal
    from trading_platform.ports.ledger import Ledger
    from trading_platform.ports.market_feed import MarketFeed
    from trading_platform.ports.market_stream import MarketStream
    from trading_platform.ports.movable_store import MovableStore
    from trading_platform.ports.notifier import Notifier
    from trading_platform.ports.order_news import OrderNewsStream
    from trading_platform.ports.request_budget import RequestBudget
    from trading_platform.ports.series_store import SeriesStore
    from trading_platform.ports.store_spool import StoreSpool
    from trading_platform.ports.stream_journal import StreamJournal
    from trading_platform.services.candle_windows import WindowMemory
    from trading_platform.services.generate_signals import PlacedStrategy
    from trading_platform.services.quality_desk import QualityDesk
    from trading_platform.services.record_metrics import MetricsDesk
    from trading_platform.services.trading_desk import TradingDesk

T = TypeVar("T")


@dataclass(frozen=True)
class Platform:
    """The ports of one process, filled according to the settings."""

    settings: Settings

    def _engine(self, *, waits_for_disk: bool, patience_seconds: int = 15) -> Engine:
        from trading_platform.adapters.postgres.engine import make_engine

        url = _required(self.settings.servers.database, "servers.database").get_secret_value()
        return make_engine(url, waits_for_disk=waits_for_disk, patience_seconds=patience_seconds)

    @cached_property
    def _durable(self) -> Engine:
        """For money, and for what the owner is told."""
        return self._engine(waits_for_disk=True)

    @cached_property
    def _quick(self) -> Engine:
        """For what can be fetched again."""
        return self._engine(waits_for_disk=False)

    @cached_property
    def ledger(self) -> Ledger:
        """Signals, decisions, orders, positions, balances."""
        from trading_platform.adapters.postgres.ledger import PostgresLedger

        return PostgresLedger(self._durable)

    @cached_property
    def store(self) -> SeriesStore:
        """Market data: what a crash of the server loses is fetched again."""
        from trading_platform.adapters.caching_series_store import CachingSeriesStore

        cache = self.settings.cache
        return CachingSeriesStore(
            self.spooling_store or self.base_store,
            most_candles=cache.candles,
            candle_check_seconds=cache.candle_check_seconds,
            price_seconds=cache.price_seconds,
            changes=self.spooling_store,
        )

    @cached_property
    def spooling_store(self) -> SpoolingSeriesStore | None:
        """A store that is reached over the network loses nothing while it is away; PostgreSQL needs no spool."""
        from trading_platform.adapters.circuit_notes import CircuitNotes
        from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
        from trading_platform.adapters.store_guard import INFLUXDB, StoreGuard

        if self.settings.store.kind == "postgres":
            return None
        notes = CircuitNotes(self._noted_circuits, INFLUXDB, process_name())
        return SpoolingSeriesStore(self.base_store, self.spool, StoreGuard(INFLUXDB, notes=notes))

    @cached_property
    def spool(self) -> StoreSpool:
        """What waits for a remote store."""
        from trading_platform.adapters.postgres.store_spool import PostgresStoreSpool

        return PostgresStoreSpool(self._durable, self._quick, self.settings.store.spool_points)

    @cached_property
    def base_store(self) -> SeriesStore:
        """The store itself, of the kind that the settings choose, without what stands before it."""
        if self.settings.store.kind == "influxdb":
            return self.influx_store
        return self.postgres_store

    @cached_property
    def postgres_store(self) -> MovableStore:
        """Market data in PostgreSQL."""
        from trading_platform.adapters.postgres.series_store import PostgresSeriesStore

        return PostgresSeriesStore(self._quick)

    @cached_property
    def influx_store(self) -> InfluxSeriesStore:
        """Market data in InfluxDB, whether or not the settings choose it: this process's one client."""
        from trading_platform.adapters.influxdb import make_influx_store

        return make_influx_store(self.settings)

    @cached_property
    def journal(self) -> HealthJournal:
        """Checks, incidents, notifications."""
        from trading_platform.adapters.postgres.health_journal import PostgresHealthJournal

        return PostgresHealthJournal(self._durable)

    @cached_property
    def budget(self) -> RequestBudget | None:
        """What may still be asked of the venue, by all processes together; each keeps its own without a database."""
        from trading_platform.adapters.local_request_budget import FailSafeRequestBudget
        from trading_platform.adapters.postgres.request_budget import PostgresRequestBudget

        if self.settings.servers.database is None:
            return None
        return FailSafeRequestBudget(PostgresRequestBudget(self._impatient))

    @cached_property
    def circuits(self) -> CircuitJournal | None:
        """Which endpoints of the venue, and which store, each process leaves alone; needs a database."""
        from trading_platform.adapters.postgres.circuit_journal import PostgresCircuitJournal

        if self.settings.servers.database is None:
            return None
        return PostgresCircuitJournal(self._impatient)

    @property
    def _noted_circuits(self) -> CircuitJournal | None:
        """The same for this process's own word: that of a command, gone in a moment, would stay for ever."""
        return self.circuits if is_resident() else None

    @cached_property
    def _impatient(self) -> Engine:
        """For what a request to the venue must not wait for."""
        return self._engine(waits_for_disk=False, patience_seconds=1)

    @cached_property
    def streams(self) -> StreamJournal:
        """States of the streams."""
        from trading_platform.adapters.postgres.stream_journal import PostgresStreamJournal

        return PostgresStreamJournal(self._quick)

    @cached_property
    def simulator(self) -> SimulatorControl:
        """Control of the simulated exchange, where paper orders go on any venue."""
        from trading_platform.adapters.simulated_exchange.control import SimulatorControl

        return SimulatorControl(_required(self.settings.servers.simulator, "servers.simulator"))

    @cached_property
    def clock(self) -> Clock:
        """Wall clock and venue's clock."""
        if self.settings.simulated:
            from trading_platform.adapters.simulated_exchange.clock import SimulatedVenueClock

            return SimulatedVenueClock(self.simulator)
        from trading_platform.adapters.ccxt_exchange import make_venue_clock

        return make_venue_clock(self._venue)

    @cached_property
    def feed(self) -> MarketFeed:
        """Public market data."""
        return self._venue

    @cached_property
    def _venue(self) -> CcxtMarketFeed:
        """One client for all that is public: what one asks serves the other."""
        from trading_platform.adapters.ccxt_exchange import make_market_feed

        return make_market_feed(self.settings, self.budget, self._noted_circuits)

    @cached_property
    def market_stream(self) -> MarketStream:
        """Public market data as it is pushed; raises FixSettings where ccxt has no streams of the venue."""
        from trading_platform.adapters.ccxt_exchange.market_stream import make_market_stream

        return make_market_stream(self.settings, self._venue)

    @cached_property
    def broker(self) -> Broker:
        """Where orders go."""
        from trading_platform.adapters.ccxt_exchange import make_broker

        return make_broker(self.settings, self.budget, self._noted_circuits)

    @cached_property
    def order_news(self) -> OrderNewsStream:
        """The account's own events."""
        from trading_platform.adapters.ccxt_exchange.order_news import make_order_news

        return make_order_news(self.settings, self.budget)

    @cached_property
    def notifier(self) -> Notifier:
        """The owner's channels."""
        from trading_platform.adapters.notifications.apprise_notifier import AppriseNotifier

        return AppriseNotifier(self.settings.alerts.urls)

    @cached_property
    def painter(self) -> ChartPainter:
        """Charts as pictures."""
        from trading_platform.adapters.matplotlib_charts import MatplotlibChartPainter

        return MatplotlibChartPainter()

    @cached_property
    def intervals(self) -> tuple[Interval, ...]:
        """Intervals of the candles kept."""
        return tuple(Interval.parse(name) for name in self.settings.market.intervals)

    @cached_property
    def strategies(self) -> tuple[PlacedStrategy, ...]:
        """The strategies that the settings name."""
        from trading_platform.domain.strategies.registry import build_strategy
        from trading_platform.services.generate_signals import PlacedStrategy

        return tuple(
            PlacedStrategy(build_strategy(chosen.name, chosen.params), Interval.parse(chosen.interval))
            for chosen in self.settings.strategies
        )

    @cached_property
    def indicators(self) -> Sequence[IndicatorSpec]:
        """Every indicator that is stored: those of the strategies and those of the settings."""
        from trading_platform.domain.indicators import parse_indicators

        needed = [spec for placed in self.strategies for spec in placed.strategy.indicators]
        specs = tuple(dict.fromkeys([*needed, *parse_indicators(self.settings.indicators.extra)]))
        window = self.settings.market.window_candles
        for spec in specs:
            if spec.rows_needed > window:
                raise FixSettings(
                    f"{spec} needs {spec.rows_needed} candles, but market.window_candles is {window}; raise it"
                )
        return specs

    @cached_property
    def window_memory(self) -> WindowMemory:
        """The newest windows with their indicators: what is stored is judged next."""
        from trading_platform.services.candle_windows import WindowMemory

        return WindowMemory()

    def open_account(self) -> None:
        """Make the account in the ledger if it is new, once per process; its balances come from the venue."""
        _ = self._account_is_open

    @cached_property
    def _account_is_open(self) -> bool:
        account = self.settings.account
        self.ledger.open_account(account.name, account.quote, account.mode, WallClock().wall())
        return True

    def stepping(self) -> Platform:
        """The same platform for the one process that steps a replay."""
        return SteppingPlatform(self.settings)

    def begin_cycle(self) -> None:
        """Forget what holds for one candle of a stepped replay only: nothing here."""

    def desk(self, run_id: str) -> TradingDesk:
        """The account's place of work for one run."""
        from trading_platform.services.trading_desk import TradingDesk

        self.open_account()
        return TradingDesk(
            self.ledger, self.broker, self.store, self.feed, self.journal, self.clock, self.settings, run_id
        )

    @cached_property
    def quality(self) -> QualityDesk:
        """The checks' place of work, with what this process remembers of its last looks."""
        from trading_platform.services.quality_desk import QualityDesk

        streams = self.streams if self.settings.uses_streams else None
        return QualityDesk(self.store, self.journal, self.feed, self.clock, self.settings, streams)

    @cached_property
    def metrics(self) -> MetricsDesk:
        """What the platform measures of itself."""
        from trading_platform.services.record_metrics import MetricsDesk

        streams = self.streams if self.settings.uses_streams else None
        spool = self.spool if self.spooling_store else None
        interval = min(self.intervals, key=lambda each: each.length)
        return MetricsDesk(self.ledger, self.store, self.clock, self.settings, interval, streams, spool)


@dataclass(frozen=True)
class SteppingPlatform(Platform):
    """A platform for the one process that steps a replay: nobody but the owner acts beside it.

    The market's time and what the ledger tells are asked for once per candle, and again after this process's own
    writes. The simulated exchange serves this process alone, so no budget of requests is shared with others.
    """

    @cached_property
    def _recalled(self) -> tuple[Ledger, Callable[[], None]]:
        from trading_platform.adapters.postgres.ledger import PostgresLedger
        from trading_platform.adapters.recalling_ledger import RecallingLedger

        return RecallingLedger.facing(PostgresLedger(self._durable))

    @cached_property
    def ledger(self) -> Ledger:
        """Remembers its answers until something is written or a candle has closed."""
        return self._recalled[0]

    @cached_property
    def clock(self) -> StandingClock:
        """The market's time, which stands still between steps."""
        from trading_platform.adapters.simulated_exchange.clock import SimulatedVenueClock
        from trading_platform.adapters.simulated_exchange.standing_clock import StandingClock

        return StandingClock(SimulatedVenueClock(self.simulator))

    @cached_property
    def budget(self) -> None:
        """Each client keeps to the venue's limits by itself."""
        return None

    @cached_property
    def circuits(self) -> None:
        """Nobody else asks this venue."""
        return None

    def begin_cycle(self) -> None:
        """A candle may have closed: the next answers are new."""
        self._recalled[1]()
        self.clock.forget()


def platform() -> Platform:
    """This process's platform: the same object until the settings change."""
    return _platform_of(id(current_settings()), os.getpid())


@lru_cache(maxsize=1)
def _platform_of(settings_id: int, process_id: int) -> Platform:
    # the key of the cache: settings are one object until they change, and what is cached keeps that object alive;
    # a forked child must not use its parent's connections
    del settings_id, process_id
    return Platform(current_settings())


def _required(value: T | None, name: str) -> T:
    if value is None:
        raise FixSettings(
            f"{name} is not set: start the platform with 'trading-platform up', which sets it, or set it yourself"
        )
    return value
