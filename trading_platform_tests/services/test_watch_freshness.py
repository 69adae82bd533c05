"""Silence opens an incident, once; data that comes again closes it; every message reaches the owner (I6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trading_platform.services.deliver_notifications import BATCH, deliver_notifications
from trading_platform.services.watch_freshness import FreshnessWatch, watch_freshness
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeNotifier, FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes

ETH = "ETH/USDT"
LIMIT = 45.0


class Watchtower:
    """Two series that are fresh at the start."""

    def __init__(self) -> None:
        self.clock = FakeClock(minutes(60))
        self.store = FakeSeriesStore()
        self.journal = FakeHealthJournal()
        self.notifier = FakeNotifier()
        self.arrive(59, SYMBOL, ETH)

    def arrive(self, minute: int, *symbols: str) -> None:
        for symbol in symbols:
            self.store.write_candles(symbol, MINUTE, [candle(minute)], source="rest", received_at=START)

    def watch(self, *, starting: bool = False) -> FreshnessWatch:
        return watch_freshness(self.store, self.journal, self.clock, [SYMBOL, ETH], [MINUTE], LIMIT, starting=starting)

    def deliver(self) -> int:
        return deliver_notifications(self.journal, self.notifier, self.clock)

    def titles(self) -> list[str]:
        return [title for title, _ in self.notifier.sent]


@pytest.fixture
def tower() -> Watchtower:
    return Watchtower()


def test_fresh_data_is_nothing_to_tell(tower: Watchtower) -> None:
    watch = tower.watch()

    assert all(series.is_fresh for series in watch.series)
    assert (watch.opened, watch.closed, tower.deliver()) == ((), (), 0)


def test_each_series_tells_of_its_own_silence_and_of_its_end(tower: Watchtower) -> None:
    tower.clock.advance(60 + 50)
    tower.arrive(60, ETH)

    opened = tower.watch()
    tower.watch()
    tower.deliver()
    tower.arrive(60, SYMBOL)
    closed = tower.watch()
    tower.watch()
    tower.deliver()

    assert (opened.opened, opened.closed) == ((f"stale:{SYMBOL}:1m",), ())
    assert (closed.opened, closed.closed) == ((), (f"stale:{SYMBOL}:1m",))
    assert tower.titles() == [f"{SYMBOL} 1m is stale", f"{SYMBOL} 1m is fresh again"]
    assert "beyond the limit" in tower.notifier.sent[0][1]
    assert tower.journal.open_incidents() == []


def test_old_data_at_a_start_is_no_incident_and_its_recovery_no_news(tower: Watchtower) -> None:
    tower.clock.advance(86_400)

    assert tower.watch(starting=True).opened == ()
    assert len(tower.watch().opened) == 2


def test_an_incident_of_before_a_restart_is_closed_while_starting(tower: Watchtower) -> None:
    tower.clock.advance(200)
    tower.watch()
    tower.arrive(62, SYMBOL, ETH)

    assert len(tower.watch(starting=True).closed) == 2


def test_a_clock_that_stands_still_makes_nothing_stale(tower: Watchtower) -> None:
    tower.clock = FakeClock(minutes(60) + timedelta(seconds=59), speed=0)
    tower.clock.advance(86_400)

    assert tower.watch().opened == ()


def test_a_message_that_no_channel_takes_is_delivered_later_and_in_order(tower: Watchtower) -> None:
    tower.clock.advance(200)
    tower.watch()
    tower.notifier.is_down = True

    assert (tower.deliver(), tower.deliver()) == (0, 0)
    tower.notifier.is_down = False
    assert tower.deliver() == 2
    assert tower.deliver() == 0
    assert tower.titles() == [f"{SYMBOL} 1m is stale", f"{ETH} 1m is stale"]


def test_many_messages_go_in_batches(tower: Watchtower) -> None:
    for number in range(BATCH + 3):
        tower.journal.open_incident(f"trouble-{number}", f"trouble {number}", "", START)

    assert (tower.deliver(), tower.deliver(), tower.deliver()) == (BATCH, 3, 0)
    assert tower.titles() == [f"trouble {number}" for number in range(BATCH + 3)]


def test_a_series_that_the_settings_name_no_more_leaves_no_incident_behind(tower: Watchtower) -> None:
    tower.clock.advance(60 + 50)
    tower.watch()
    assert len(tower.journal.open_incidents()) == 2

    watch = watch_freshness(tower.store, tower.journal, tower.clock, [ETH], [MINUTE], LIMIT)

    assert watch.closed == (f"stale:{SYMBOL}:1m",)
    assert [incident.key for incident in tower.journal.open_incidents()] == [f"stale:{ETH}:1m"]
