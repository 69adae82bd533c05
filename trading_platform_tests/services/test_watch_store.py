"""The owner is told that the store is away, long before its spool is full (I6)."""

from __future__ import annotations

import pytest

from trading_platform.domain.store_write import CandleBatch
from trading_platform.services.watch_store import watch_store
from trading_platform.settings import StoreSettings
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeStoreSpool
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle


class _Lookout:
    def __init__(self) -> None:
        self.spool, self.journal, self.clock = FakeStoreSpool(bound_points=100), FakeHealthJournal(), FakeClock(START)

    def accept(self, points: int) -> None:
        batch = CandleBatch(SYMBOL, MINUTE, tuple(candle(minute) for minute in range(points)), "rest", START)
        self.spool.append(batch, self.clock.wall())

    def send(self) -> None:
        with self.spool.replaying() as replay:
            replay.confirm(replay.first()[0].number)

    def look(self) -> list[str]:
        watch_store(self.spool, self.journal, self.clock, StoreSettings(), "it can't be reached")
        return [message.title for message in self.journal.undelivered(100)]


@pytest.fixture
def lookout() -> _Lookout:
    return _Lookout()


def test_an_outage_and_its_end_are_told_once(lookout: _Lookout) -> None:
    lookout.accept(1)
    lookout.clock.advance(30)
    assert lookout.look() == []
    lookout.clock.advance(1)
    assert lookout.look() == ["The store takes nothing"]
    assert lookout.look() == ["The store takes nothing"]
    [incident] = lookout.journal.open_incidents()
    assert "it can't be reached" in incident.summary
    lookout.send()
    assert lookout.look() == ["The store takes nothing", "The store has everything again"]


def test_a_spool_that_fills_is_told_at_a_tenth_of_its_bound(lookout: _Lookout) -> None:
    lookout.accept(6)
    assert lookout.look() == []
    lookout.accept(4)
    assert lookout.look() == ["The store's spool is filling up"]
    lookout.send()
    assert lookout.look() == ["The store's spool is filling up", "The store's spool has room again"]


def test_refused_points_are_told(lookout: _Lookout) -> None:
    lookout.accept(1)
    with lookout.spool.replaying() as replay:
        replay.refuse(1, "older than the bucket keeps", is_told=False)
    assert lookout.look() == ["The store refuses some points for good"]
