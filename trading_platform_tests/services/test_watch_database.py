"""An outage of the database reaches the owner, although incidents and outbox are kept in it (I6)."""

from __future__ import annotations

import pytest

from trading_platform.domain.errors import RetryLater
from trading_platform.services.watch_database import DatabaseWatch
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeNotifier
from trading_platform_tests.support.examples import START

PATIENCE = 30.0


class _Lookout:
    def __init__(self) -> None:
        self.journal, self.notifier, self.clock = FakeHealthJournal(), FakeNotifier(), FakeClock(START)
        self.watch = DatabaseWatch(PATIENCE)

    def look(self) -> bool:
        return self.watch.look(self.journal, self.notifier, self.clock)

    def titles(self) -> list[str]:
        return [title for title, _ in self.notifier.sent]


def test_an_outage_and_its_end_are_told_once_each() -> None:
    lookout = _Lookout()
    assert lookout.look()
    lookout.journal.is_down = True
    for _ in range(4):
        assert not lookout.look()
        lookout.clock.advance(PATIENCE)
    lookout.journal.is_down = False

    assert lookout.look()
    assert lookout.look()
    assert lookout.titles() == ["The database doesn't answer", "The database answers again"]


def test_a_restart_of_the_server_is_no_outage() -> None:
    lookout = _Lookout()
    for _ in range(3):
        lookout.journal.is_down = True
        assert not lookout.look()
        lookout.clock.advance(PATIENCE - 1)
        lookout.journal.is_down = False
        assert lookout.look()

    assert lookout.titles() == []


def test_a_message_that_no_channel_takes_is_tried_again() -> None:
    lookout = _Lookout()
    lookout.journal.is_down = lookout.notifier.is_down = True
    lookout.look()
    lookout.clock.advance(PATIENCE)
    with pytest.raises(RetryLater):
        lookout.look()
    lookout.notifier.is_down = False

    lookout.look()

    assert lookout.titles() == ["The database doesn't answer"]
