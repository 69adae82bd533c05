"""The owner is told when no stream works, and when one does again (I6)."""

from __future__ import annotations

import pytest

from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.services.watch_streams import watch_streams
from trading_platform.settings import StreamSettings
from trading_platform_tests.fakes import FakeClock, FakeHealthJournal, FakeStreamJournal
from trading_platform_tests.support.examples import START

SYMBOLS = ("BTC/USDT", "ETH/USDT")
LIVE, STALE, FALLBACK, CLOSED = StreamState.LIVE, StreamState.STALE, StreamState.FALLBACK, StreamState.CLOSED


class _Lookout:
    def __init__(self) -> None:
        self.streams, self.journal, self.clock = FakeStreamJournal(), FakeHealthJournal(), FakeClock(START)

    def report(self, *states: StreamState) -> None:
        wall = self.clock.wall()
        for symbol, state in zip(SYMBOLS, states, strict=True):
            known = self.streams.statuses().get(symbol)
            since = known.since if known is not None and known.state is state else wall
            self.streams.record([StreamStatus(symbol, state, f"it is {state}", since, None, wall)])

    def works(self) -> bool:
        return watch_streams(self.streams, self.journal, self.clock, SYMBOLS, StreamSettings(), watched_since=START)

    def titles(self) -> list[str]:
        return [message.title for message in self.journal.undelivered(100)]


@pytest.fixture
def lookout() -> _Lookout:
    return _Lookout()


def test_silence_of_all_is_told_after_a_minute_and_so_is_its_end(lookout: _Lookout) -> None:
    for _ in range(13):
        lookout.report(FALLBACK, STALE)
        lookout.works()
        lookout.clock.advance(5)
    assert lookout.titles() == []

    lookout.report(FALLBACK, STALE)
    assert not lookout.works()
    assert not lookout.works()
    assert lookout.titles() == ["No stream works"]
    [incident] = lookout.journal.open_incidents()
    assert incident.key == "streams"
    assert "it is fallback" in incident.summary

    lookout.report(FALLBACK, LIVE)
    assert lookout.works()
    assert lookout.titles() == ["No stream works", "Streams work again"]


def test_one_live_stream_is_enough(lookout: _Lookout) -> None:
    for _ in range(30):
        lookout.report(LIVE, STALE)
        assert lookout.works()
        lookout.clock.advance(5)
    assert lookout.titles() == []


def test_a_dead_process_is_told(lookout: _Lookout) -> None:
    lookout.report(LIVE, LIVE)
    lookout.clock.advance(59)
    assert not lookout.works()
    assert lookout.titles() == []
    lookout.clock.advance(2)
    lookout.works()
    assert lookout.titles() == ["No stream works"]


def test_a_process_that_never_reports_is_told(lookout: _Lookout) -> None:
    assert (lookout.works(), lookout.titles()) == (False, [])
    lookout.clock.advance(61)
    assert not lookout.works()
    assert "never reported" in lookout.journal.open_incidents()[0].summary


def test_streams_ended_on_purpose_are_no_trouble_while_that_is_reported(lookout: _Lookout) -> None:
    for _ in range(30):
        lookout.report(CLOSED, CLOSED)
        assert lookout.works()
        lookout.clock.advance(5)
