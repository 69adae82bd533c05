"""Trading that stands still reaches the owner, whatever the reason (I6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from trading_platform.services.watch_trading import watch_trading
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeLedger
from trading_platform_tests.support.examples import ACCOUNT, START

LIMIT = 180.0


class _Lookout:
    def __init__(self) -> None:
        self.ledger, self.journal, self.clock = FakeLedger(), FakeHealthJournal(), FakeClock(START)
        self.ledger.open_account(ACCOUNT, "USDT", "paper", START)

    def reconcile(self) -> None:
        revision = self.ledger.account(ACCOUNT).revision
        assert self.ledger.reconcile(ACCOUNT, {"USDT": Decimal(100)}, at_revision=revision, at=self.clock.wall())

    def works(self, watched_since: datetime = START) -> bool:
        return watch_trading(self.ledger, self.journal, self.clock, ACCOUNT, LIMIT, watched_since=watched_since)

    def titles(self) -> list[str]:
        return [message.title for message in self.journal.undelivered(100)]


def test_trading_that_reconciles_in_time_is_nothing_to_tell() -> None:
    lookout = _Lookout()
    lookout.reconcile()
    lookout.clock.advance(LIMIT)

    assert (lookout.works(), lookout.titles()) == (True, [])


def test_silence_beyond_the_limit_is_told_once_and_so_is_its_end() -> None:
    lookout = _Lookout()
    lookout.reconcile()
    lookout.clock.advance(LIMIT + 1)
    assert not lookout.works()
    assert not lookout.works()

    lookout.reconcile()

    assert lookout.works()
    assert lookout.titles() == ["Trading stands still", "Trading works again"]


def test_trading_that_never_began_is_told() -> None:
    lookout = _Lookout()
    lookout.clock.advance(LIMIT + 1)

    assert not lookout.works()
    assert lookout.titles() == ["Trading stands still"]


def test_the_time_when_the_platform_was_stopped_does_not_count() -> None:
    lookout = _Lookout()
    lookout.reconcile()
    lookout.clock.advance(86_400)

    assert lookout.works(watched_since=START + timedelta(seconds=86_400 - LIMIT))
    assert lookout.titles() == []


def test_a_restart_alone_is_no_all_clear() -> None:
    lookout = _Lookout()
    lookout.clock.advance(LIMIT + 1)
    assert not lookout.works()

    assert lookout.works(watched_since=lookout.clock.wall())
    assert lookout.titles() == ["Trading stands still"]
