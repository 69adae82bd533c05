"""The simulated exchange's controls, and the clock built on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.adapters.simulated_exchange.clock import (
    CLOCK_GRAIN_SECONDS,
    READING_LIFETIME_SECONDS,
    SimulatedVenueClock,
)
from trading_platform.adapters.simulated_exchange.control import MarketClock, SimulatorControl
from trading_platform.adapters.simulated_exchange.standing_clock import StandingClock
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.venue_time import VenueTime
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform_tests.support.archives import write_archive
from trading_platform_tests.support.scripted_server import Answer, ScriptedServer, scripted_server
from trading_platform_tests.support.simulated import simulated_exchange

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Market:
    """A market whose time the test sets; counts how often it is asked."""

    def __init__(self, **changes: object) -> None:
        self.told = replace(MarketClock(NOW, 60.0, False, False, None, "a"), **changes)  # type: ignore[arg-type]
        self.asked = 0
        self.is_silent = False
        self.seconds = 0.0

    def clock(self) -> MarketClock:
        self.asked += 1
        if self.is_silent:
            raise RetryLater("silent")
        return self.told

    def monotonic(self) -> float:
        return self.seconds


def clock_of(market: Market) -> SimulatedVenueClock:
    return SimulatedVenueClock(market, market.monotonic)


def test_time_goes_on_between_readings_at_the_markets_speed() -> None:
    market = Market()
    clock = clock_of(market)
    assert clock.read().now == NOW
    market.seconds += 2 + CLOCK_GRAIN_SECONDS
    reading = clock.read()
    assert (reading.now, reading.speed) == (NOW + 2 * MINUTE, 60.0)
    assert market.asked == 1


def test_a_reading_is_old_after_its_lifetime() -> None:
    market = Market()
    clock = clock_of(market)
    clock.read()
    market.seconds += READING_LIFETIME_SECONDS
    market.is_silent = True
    with pytest.raises(RetryLater):
        clock.read()


def test_a_market_that_steps_is_asked_every_time() -> None:
    market = Market(steps=True, speed=0.0)
    clock = clock_of(market)
    assert clock.read().speed == 0
    market.told = replace(market.told, now=NOW + MINUTE)
    assert clock.read().now == NOW + MINUTE


def test_the_end_of_a_recording_is_not_passed() -> None:
    market = Market(ends_at=NOW + MINUTE)
    clock = clock_of(market)
    assert clock.read().speed == 60
    market.seconds += 3
    reading = clock.read()
    assert (reading.now, reading.speed) == (NOW + MINUTE, 0.0)


def test_a_finished_market_stands_still() -> None:
    clock = clock_of(Market(finished=True))
    assert clock.read().speed == 0


def test_another_market_may_have_an_earlier_time() -> None:
    market = Market()
    clock = clock_of(market)
    clock.read()
    market.seconds += READING_LIFETIME_SECONDS
    market.told = replace(market.told, now=NOW - 100 * MINUTE, market_id="b")
    assert clock.read().now == NOW - 100 * MINUTE


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(-1, 1)), min_size=1, max_size=30),
    st.sampled_from([1.0, 60.0, 10_000.0]),
)
def test_time_never_goes_back(moves: list[tuple[float, float]], speed: float) -> None:
    """Whatever the market says of itself at whatever moment."""
    market = Market(speed=speed)
    clock = clock_of(market)
    seen = [clock.read().now]
    for seconds, jump in moves:
        market.seconds += seconds
        market.told = replace(market.told, now=market.told.now + timedelta(seconds=seconds * speed + jump))
        seen.append(clock.read().now)
    assert seen == sorted(seen)


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.mark.parametrize(
    "answer",
    [
        Answer("<html>", 503),
        Answer("{}"),
        Answer("[]"),
        Answer("{"),
        Answer(""),
        Answer(ending="reset"),
        Answer(ending="hang"),
        Answer(ending="finish"),
        Answer('{"market_time_ms": "x", "ends_at_ms": null}'),
    ],
)
def test_whatever_comes_instead_of_the_time_is_for_later(scripted: ScriptedServer, answer: Answer) -> None:
    scripted.script["GET", "/control/clock"] = answer
    with pytest.raises(RetryLater, match="simulated exchange"):
        SimulatorControl(scripted.base_url, timeout_seconds=0.3).clock()


def test_nobody_there() -> None:
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:9"):
        SimulatorControl("http://127.0.0.1:9").position()


def test_an_address_that_is_none() -> None:
    with pytest.raises(FixSettings, match="http://host:port"):
        SimulatorControl("localhost:1234")


@pytest.mark.integration
def test_a_step_whose_answer_was_lost_is_not_made_twice() -> None:
    with simulated_exchange(step=True) as venue:
        control = SimulatorControl(venue.base_url)
        start = control.position()
        assert control.step(start.now).now == start.now + MINUTE
        assert control.step(start.now).now == start.now + MINUTE
        assert control.position().now == start.now + MINUTE
        assert control.clock().steps
        assert control.step(start.now - 5 * MINUTE).now == start.now + MINUTE
        with pytest.raises(FixSettings, match="stands at"):
            control.step(start.now + 5 * MINUTE)


@pytest.mark.integration
def test_a_recording_steps_to_its_end(tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "short", candles=503)
    with simulated_exchange(market=ArchiveMarketConfig(folder), step=True) as venue:
        control = SimulatorControl(venue.base_url)
        clock = SimulatedVenueClock(control)
        position, steps = control.position(), 0
        while not position.finished:
            before = position.now
            position = control.step(position.now)
            steps += position.now > before
        assert steps <= 3
        assert position.now == control.clock().ends_at == clock.read().now


@pytest.mark.integration
def test_faults_come_and_go() -> None:
    with simulated_exchange() as venue:
        control = SimulatorControl(venue.base_url)
        first = control.add_fault("delay", delay_seconds=0.1)
        second = control.add_fault("mute", symbol="BTCUSDT")
        assert [fault["id"] for fault in control.faults()] == [first, second]
        control.remove_fault(first)
        assert [fault["kind"] for fault in control.faults()] == ["mute"]
        control.clear_faults()
        assert control.faults() == []
        with pytest.raises(FixSettings, match="kind must be one of"):
            control.add_fault("nonsense")
        assert control.health()["status"] == "ok"
        assert all(asset["balanced"] for asset in control.audit().values())


@pytest.mark.integration
def test_the_clock_is_never_ahead_of_a_fast_replay(tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "fast", candles=2000)
    with simulated_exchange(market=ArchiveMarketConfig(folder), speed=600.0) as venue:
        clock = SimulatedVenueClock(SimulatorControl(venue.base_url))
        for _ in range(50):
            told = clock.read().now
            assert told <= venue.on_server_thread(lambda exchange: _moment(exchange.clock_state().now_ms))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


class _Telling:
    """A clock that counts how often it is asked."""

    def __init__(self, speed: float) -> None:
        self.told = VenueTime(now=NOW, wall=NOW, speed=speed)
        self.asked = 0

    def wall(self) -> datetime:
        return NOW + MINUTE

    def read(self) -> VenueTime:
        self.asked += 1
        return self.told


def test_a_standing_clock_is_asked_once_per_step() -> None:
    behind = _Telling(speed=0)
    clock = StandingClock(behind)

    assert [clock.read().now, clock.read().now] == [NOW, NOW]
    assert clock.read().wall == NOW + MINUTE
    behind.told = VenueTime(now=NOW + MINUTE, wall=NOW, speed=0)
    clock.forget()

    assert clock.read().now == NOW + MINUTE
    assert behind.asked == 2


def test_a_market_that_runs_is_asked_each_time() -> None:
    behind = _Telling(speed=1)
    clock = StandingClock(behind)

    assert clock.read() == clock.read() == behind.told
    assert behind.asked == 2
