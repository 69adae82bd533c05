"""Dagster's own silence is noticed from outside (I6)."""

from __future__ import annotations

from datetime import timedelta

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.orchestrator import JobState, OrchestratorHealth, SensorState
from trading_platform.services.watch_orchestrator import watch_orchestrator
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal
from trading_platform_tests.support.examples import START

LIMIT = 120.0
FAILING_LIMIT = 180.0


class _Dagster:
    def __init__(self) -> None:
        self.sensor = SensorState("refresh_sensor", is_running=True, last_tick_at=START, last_tick_failed=False)
        self.unhealthy: tuple[str, ...] = ()
        self.trade = JobState("trade", last_success_at=START, last_failure_at=None)
        self.is_silent = False

    def health(self) -> OrchestratorHealth:
        if self.is_silent:
            raise RetryLater("Dagster's web server doesn't answer")
        return OrchestratorHealth(self.unhealthy, [self.sensor], [self.trade])


class _Lookout:
    def __init__(self) -> None:
        self.dagster, self.journal, self.clock = _Dagster(), FakeHealthJournal(), FakeClock(START)
        self.watched_since = START - timedelta(hours=1)

    def watch(self) -> tuple[str, ...]:
        return watch_orchestrator(
            self.dagster, self.journal, self.clock, LIMIT, FAILING_LIMIT, watched_since=self.watched_since
        )

    def titles(self) -> list[str]:
        return [message.title for message in self.journal.undelivered(100)]

    def sensor_is(self, **changes: object) -> None:
        self.dagster.sensor = SensorState(**{**vars(self.dagster.sensor), **changes})


def test_a_healthy_dagster_is_nothing_to_tell() -> None:
    lookout = _Lookout()

    assert (lookout.watch(), lookout.titles()) == ((), [])


def test_a_sensor_switched_off_is_told_once_and_so_is_its_return() -> None:
    lookout = _Lookout()
    lookout.sensor_is(is_running=False)

    assert lookout.watch() == lookout.watch() == ("refresh_sensor is switched off",)
    lookout.sensor_is(is_running=True)
    assert lookout.watch() == ()
    assert lookout.titles() == ["sensor refresh_sensor: trouble", "sensor refresh_sensor: well again"]


def test_a_sensor_that_stopped_ticking_is_told_after_the_limit() -> None:
    lookout = _Lookout()
    lookout.clock.advance(LIMIT)
    assert lookout.watch() == ()

    lookout.clock.advance(0.1)
    [trouble] = lookout.watch()

    assert "hasn't ticked since" in trouble


def test_a_failing_tick_is_told() -> None:
    lookout = _Lookout()
    lookout.sensor_is(last_tick_at=START + timedelta(seconds=1), last_tick_failed=True)

    assert lookout.watch() == ("refresh_sensor's last tick failed",)


def test_runs_that_fail_one_after_the_other_are_told_once_and_so_is_their_end() -> None:
    lookout = _Lookout()
    for seconds in (60, 120, 180):
        lookout.clock.advance(60)
        lookout.sensor_is(last_tick_at=lookout.clock.wall())
        lookout.dagster.trade = JobState("trade", START, START + timedelta(seconds=seconds))
        assert lookout.watch() == ()
    lookout.clock.advance(1)
    [trouble] = lookout.watch()
    assert trouble.startswith(f"the runs of trade fail; the last that succeeded ended at {START:%H:%M:%S} UTC")
    lookout.dagster.trade = JobState("trade", lookout.clock.wall(), START + timedelta(seconds=180))
    assert lookout.watch() == ()
    assert lookout.titles() == ["trade runs: trouble", "trade runs: well again"]


def test_a_failed_run_after_which_none_was_wanted_is_not_told_again_when_another_succeeds() -> None:
    lookout = _Lookout()
    lookout.dagster.trade = JobState("trade", START + timedelta(seconds=1), START)
    lookout.clock.advance(FAILING_LIMIT + 2)
    lookout.sensor_is(last_tick_at=lookout.clock.wall())
    assert lookout.watch() == ()


def test_what_failed_before_the_platform_was_started_is_over() -> None:
    lookout = _Lookout()
    lookout.watched_since = START
    lookout.dagster.trade = JobState("trade", None, START - timedelta(days=1))
    lookout.clock.advance(FAILING_LIMIT + 1)
    lookout.sensor_is(last_tick_at=lookout.clock.wall())
    assert lookout.watch() == ()
    lookout.dagster.trade = JobState("trade", None, START + timedelta(seconds=1))
    assert lookout.watch() == ("the runs of trade fail; none has succeeded yet. Their logs in the UI say why",)


def test_a_daemon_that_does_not_report_is_told() -> None:
    lookout = _Lookout()
    lookout.dagster.unhealthy = ("sensor",)

    assert lookout.watch() == ("Dagster's sensor daemon doesn't report",)
    lookout.dagster.unhealthy = ()
    lookout.watch()
    assert lookout.titles() == ["Dagster's daemons: trouble", "Dagster's daemons: well again"]


def test_silence_of_dagster_itself_is_told_and_closes_nothing_else() -> None:
    lookout = _Lookout()
    lookout.sensor_is(is_running=False)
    lookout.watch()
    lookout.dagster.is_silent = True

    lookout.watch()
    lookout.watch()

    assert lookout.titles()[-1] == "Dagster doesn't answer"
    assert {incident.key for incident in lookout.journal.open_incidents()} == {
        "dagster",
        "dagster:sensor:refresh_sensor",
    }
    lookout.dagster.is_silent = False
    lookout.watch()
    assert lookout.titles()[-1] == "Dagster answers again"
