"""A settings file broken while the platform runs reaches the owner."""

from __future__ import annotations

from trading_platform.services.watch_settings import watch_settings
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal
from trading_platform_tests.support.examples import START


def test_a_broken_file_is_told_once_and_so_is_its_mending() -> None:
    journal, clock = FakeHealthJournal(), FakeClock(START)
    for trouble in ("", "risk: no", "risk: no", "", ""):
        watch_settings(journal, clock, trouble)

    told = journal.undelivered(10)
    assert [message.title for message in told] == ["The settings file is broken", "The settings file is well again"]
    assert "risk: no" in told[0].body


def test_what_waits_for_a_start_is_told_once_and_so_is_its_end() -> None:
    journal, clock = FakeHealthJournal(), FakeClock(START)
    for waiting in ("", "account.mode", "account.mode", "", ""):
        watch_settings(journal, clock, "", waiting)

    told = journal.undelivered(10)
    assert [message.title for message in told] == [
        "Some settings wait for the next start",
        "No setting waits for the next start",
    ]
    assert "account.mode" in told[0].body
