"""A platform over fakes, with a market that goes on as its clock does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from trading_platform.bootstrap import Platform
from trading_platform.definitions import definitions
from trading_platform.domain.candle import Candle
from trading_platform.domain.transfer import Transfer
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.charts import ChartPanel, FillMark, MetricPanel
from trading_platform.ports.ledger import EquityPoint
from trading_platform.ports.replay import ReplayPosition
from trading_platform.settings import Settings
from trading_platform_tests.fakes import (
    FakeBroker,
    FakeCircuitJournal,
    FakeClock,
    FakeHealthJournal,
    FakeLedger,
    FakeMarketFeed,
    FakeNotifier,
    FakeSeriesStore,
    FakeStreamJournal,
)
from trading_platform_tests.services.market_walk import walk
from trading_platform_tests.support.examples import MINUTE, SYMBOL, instrument, minutes
from trading_platform_tests.support.plain_settings import plain_settings

CLOSED = 560
"""Candles that have closed when the test begins."""

LISTED = 700
PNG = b"\x89PNG\r\n\x1a\n a picture"

_QUICK = {
    "market": {"symbols": (SYMBOL,), "history_candles": 500, "window_candles": 100},
    "strategies": (
        {"name": "trend_following", "params": {"adx_minimum": 10}},
        {"name": "mean_reversion", "params": {"rsi_oversold": 40}},
    ),
    "risk": {"cooldown_seconds": 0},
    "execution": {"follow_seconds": 0.03, "poll_seconds": 0.01},
}


class FakeReplay:
    """Steps the market by moving its clock."""

    def __init__(self, clock: FakeClock, last: datetime) -> None:
        self._clock, self._last = clock, last

    def position(self) -> ReplayPosition:
        now = self._clock.read().now
        return ReplayPosition(now, now >= self._last)

    def step(self, expected: datetime) -> ReplayPosition:
        if self.position() == ReplayPosition(expected, finished=False):
            self._clock.step_venue(60)
        return self.position()


class _Painter:
    def render_price_chart(self, panels: list[ChartPanel], *, candles: int = 120) -> bytes:
        return PNG

    def render_equity_chart(
        self, points: list[EquityPoint], fills: list[FillMark], quote: str, *, transfers: list[Transfer]
    ) -> bytes:
        return PNG

    def render_metric_chart(self, panels: list[MetricPanel], start: datetime, end: datetime) -> bytes:
        return PNG


class _MarketClock(FakeClock):
    """The venue's clock stands where the test has put it, the wall clock is the computer's."""

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def read(self) -> VenueTime:
        return VenueTime(super().read().now, self.wall(), speed=0)


@dataclass(frozen=True)
class FakePlatform(Platform):
    """Ports as fakes; a test finds them under their own names."""

    def __post_init__(self) -> None:
        clock = _MarketClock(minutes(CLOSED))
        feed = FakeMarketFeed(clock)
        feed.add_candles(SYMBOL, MINUTE, walk(LISTED, seed=11))
        broker = FakeBroker(
            clock, [instrument()], {"USDT": Decimal("84.54")}, {SYMBOL: walk(LISTED, seed=11)[-1].close}
        )
        vars(self).update(
            clock=clock,
            feed=feed,
            broker=broker,
            ledger=FakeLedger(),
            store=FakeSeriesStore(),
            journal=FakeHealthJournal(),
            streams=FakeStreamJournal(),
            circuits=FakeCircuitJournal(),
            notifier=FakeNotifier(),
            painter=_Painter(),
            simulator=FakeReplay(clock, minutes(LISTED)),
        )

    def stepping(self) -> Platform:
        """Itself: its fakes answer at once."""
        return self

    def close_candles(self, number: int) -> None:
        """Let the market move on."""
        assert isinstance(self.clock, FakeClock)
        self.clock.step_venue(60 * number)


def fake_platform(**sections: Any) -> FakePlatform:
    """A platform with some sections of its settings changed."""
    return FakePlatform(settings_of(**sections))


def settings_of(**sections: Any) -> Settings:
    """Settings of a fake platform."""
    return plain_settings(**{**_QUICK, **sections})


def candle_closed_at(minute: int) -> Candle:
    """The market's candle that closed so many minutes after the start."""
    return walk(LISTED, seed=11)[minute - 1]


def execute(job: str, platform: Platform, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Run a job of the code location in this process; a failed run is a result, not an exception."""
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance, resources={"platform": platform}, raise_on_error=False
    )


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """Metadata of the newest materialization of each asset, by its name."""
    found = {}
    for event in result.all_events:
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            found[materialization.asset_key.to_user_string()] = materialization.metadata
    return found


def output_metadata(result: dg.ExecuteInProcessResult, op: str) -> Any:
    """Metadata of an op's output."""
    [output] = [event for event in result.events_for_node(op) if event.is_successful_output]
    return output.step_output_data.metadata


def tick(
    sensor: dg.SensorDefinition, platform: Platform, instance: dg.DagsterInstance, cursor: str | None = None
) -> Any:
    """What a sensor's evaluation returns."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"platform": platform})
    return sensor(context)


def add_run(
    instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
) -> dg.DagsterRun:
    """A run of the job in that state, as another process would have left it."""
    location = RegisteredCodeLocationOrigin("trading_platform")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job)
    return instance.create_run_for_job(definitions.resolve_job_def(job), status=status, remote_job_origin=origin)
