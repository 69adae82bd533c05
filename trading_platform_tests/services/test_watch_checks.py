"""An error that lasts becomes an incident, once; warnings and moments don't (I6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trading_platform.domain.check import EVERY, CheckName, CheckResult, Severity
from trading_platform.services.watch_checks import watch_checks
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, minutes

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 15.0


class Watch:
    """A refresh every 15 s that records one check, and a look after each."""

    def __init__(self) -> None:
        self.clock = FakeClock(minutes(60))
        self.journal = FakeHealthJournal()

    def refresh(
        self,
        passed: bool,
        name: CheckName = CheckName.NO_GAPS,
        severity: Severity = Severity.ERROR,
        *,
        symbol: str = SYMBOL,
        interval: str = "1m",
        has_data: bool = True,
    ) -> list[str]:
        self.clock.advance(LOOK_SECONDS)
        data_time = START if has_data else None
        result = CheckResult(name, symbol, interval, passed, "3 candles", data_time, self.clock.wall(), severity)
        self.journal.record_checks([result])
        return self.look()

    def look(self, symbols: tuple[str, ...] = (SYMBOL,)) -> list[str]:
        watch_checks(self.journal, self.clock, symbols, [MINUTE], PATIENCE_SECONDS)
        return [incident.key for incident in self.journal.open_incidents()]

    def told(self) -> list[str]:
        return [message.title for message in self.journal.undelivered(99)]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_an_error_is_told_after_a_minute_and_its_end_at_once(watch: Watch) -> None:
    opened = [watch.refresh(passed=False) for _ in range(7)]
    closed = [watch.refresh(passed=True) for _ in range(2)]

    key = f"check:candles_have_no_gaps:{SYMBOL}:1m"
    assert opened == [[], [], [], [], [key], [key], [key]]
    assert closed == [[], []]
    assert watch.told() == [
        f"{SYMBOL} 1m: candles are missing",
        f"{SYMBOL} 1m: no candle is missing any more",
    ]
    [first, _] = watch.journal.undelivered(9)
    assert first.body == "No entries until it is mended. 3 candles"


def test_an_error_that_comes_and_goes_is_not_told(watch: Watch) -> None:
    for _ in range(10):
        watch.refresh(passed=False)
        watch.refresh(passed=False)
        watch.refresh(passed=True)

    assert watch.told() == []


@pytest.mark.parametrize("name", [CheckName.NO_GAPS, CheckName.SANE, CheckName.TRADED, CheckName.CLOCK])
def test_every_error_but_age_is_told(watch: Watch, name: CheckName) -> None:
    place = (EVERY, EVERY) if name is CheckName.CLOCK else (SYMBOL, "1m")
    for passed in (False,) * 5 + (True,):
        watch.refresh(passed, name, symbol=place[0], interval=place[1], has_data=name is not CheckName.CLOCK)

    assert len(watch.told()) == 2


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        (CheckName.FRESH, Severity.ERROR),  # the watch on age tells of it
        (CheckName.STEADY, Severity.WARNING),
        (CheckName.ONCE, Severity.WARNING),
        (CheckName.AGREED, Severity.WARNING),
        (CheckName.CLOCK, Severity.WARNING),
    ],
)
def test_warnings_and_age_are_not(watch: Watch, name: CheckName, severity: Severity) -> None:
    for _ in range(10):
        watch.refresh(False, name, severity)

    assert watch.told() == []


def test_an_error_that_becomes_a_warning_is_over(watch: Watch) -> None:
    for _ in range(5):
        watch.refresh(False, CheckName.CLOCK, symbol=EVERY, interval=EVERY)

    assert watch.refresh(False, CheckName.CLOCK, Severity.WARNING, symbol=EVERY, interval=EVERY) == []
    assert watch.told() == ["The clocks disagree, or can't be compared", "The clocks agree again"]


def test_a_refresh_that_stopped_makes_an_error_no_older(watch: Watch) -> None:
    watch.refresh(passed=False)
    watch.clock.advance(3600)

    assert watch.look() == []


def test_a_series_without_any_candle_is_the_watch_on_ages_business(watch: Watch) -> None:
    for _ in range(10):
        watch.refresh(passed=False, has_data=False)

    assert watch.told() == []


def test_what_is_no_longer_traded_is_no_longer_wrong(watch: Watch) -> None:
    for _ in range(5):
        watch.refresh(passed=False)

    assert watch.look(symbols=("ETH/USDT",)) == []


def test_incidents_of_other_watches_are_left_alone(watch: Watch) -> None:
    watch.journal.open_incident("trading", "Trading stands still", "", START + timedelta(seconds=1))

    assert watch.look() == ["trading"]
