"""Counters of a stream only grow: what counts is what the last minutes have added."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from trading_platform.domain.check import CheckName, Severity
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.services.check_streams import check_streams
from trading_platform.services.quality_desk import QualityDesk
from trading_platform_tests.fakes import (
    FakeClock,
    FakeHealthJournal,
    FakeMarketFeed,
    FakeSeriesStore,
    FakeStreamJournal,
)
from trading_platform_tests.support.examples import START, SYMBOL
from trading_platform_tests.support.plain_settings import plain_settings

WINDOW_SECONDS = 300
LOOK_SECONDS = 15


class Lookout:
    """One symbol's stream, looked at every 15 s."""

    def __init__(self) -> None:
        self.clock = FakeClock(START)
        self.journal = FakeStreamJournal()
        self.status = StreamStatus(SYMBOL, StreamState.LIVE, "data flows", START, START, START)
        quality = {"max_stream_duplicates": 5, "max_stream_out_of_order": 2, "max_stream_malformed": 0}
        self.desk = QualityDesk(
            FakeSeriesStore(),
            FakeHealthJournal(),
            FakeMarketFeed(self.clock),
            self.clock,
            plain_settings(market={"symbols": (SYMBOL,)}, quality=quality),
            self.journal,
        )

    def look(self, **added: int) -> dict[CheckName, bool]:
        """Let the stream count, wait for the next look, and see."""
        self.clock.advance(LOOK_SECONDS)
        counts = {name: getattr(self.status, name) + more for name, more in added.items()}
        self.status = replace(self.status, heartbeat_at=self.clock.wall(), **counts)
        self.journal.record([self.status])
        return {result.name: result.passed for result in check_streams(self.desk)}


@pytest.fixture
def lookout() -> Lookout:
    return Lookout()


def test_a_sound_stream_passes(lookout: Lookout) -> None:
    assert set(lookout.look().values()) == {True}
    assert set(lookout.look(duplicates=5, out_of_order=2).values()) == {True}


@pytest.mark.parametrize(
    ("counter", "count", "check"),
    [
        ("duplicates", 6, CheckName.ONCE),
        ("out_of_order", 3, CheckName.IN_ORDER),
        ("malformed", 1, CheckName.WELL_FORMED),
    ],
)
def test_too_many_are_a_warning_until_they_are_minutes_ago(
    lookout: Lookout, counter: str, count: int, check: CheckName
) -> None:
    lookout.look()
    verdicts = lookout.look(**{counter: count})

    assert [name for name, passed in verdicts.items() if not passed] == [check]
    [result] = [result for result in check_streams(lookout.desk) if result.name is check]
    assert (result.severity, result.symbol, result.data_time) == (Severity.WARNING, SYMBOL, START)
    assert result.reason.startswith(f"{SYMBOL}: {count} events")

    later = [lookout.look()[check] for _ in range(WINDOW_SECONDS // LOOK_SECONDS + 1)]
    assert later[0] is False
    assert later[-1] is True


def test_what_a_new_process_finds_counted_is_no_news(lookout: Lookout) -> None:
    assert set(lookout.look(duplicates=1000, malformed=9).values()) == {True}


def test_a_restarted_stream_begins_again(lookout: Lookout) -> None:
    lookout.look(duplicates=100)
    lookout.status = replace(lookout.status, duplicates=0)

    assert lookout.look(duplicates=5)[CheckName.ONCE]
    assert not lookout.look(duplicates=1)[CheckName.ONCE]


def test_memory_is_bounded_by_the_window(lookout: Lookout) -> None:
    for _ in range(100):
        lookout.look(duplicates=1)
        check_streams(lookout.desk)  # a look without a new heartbeat

    readings = lookout.desk.readings[SYMBOL]
    assert len(readings) == WINDOW_SECONDS // LOOK_SECONDS + 1
    assert readings[-1].heartbeat_at - readings[0].heartbeat_at == timedelta(seconds=WINDOW_SECONDS)


def test_without_streams_there_is_nothing_to_say_against_them(lookout: Lookout) -> None:
    assert {result.passed for result in check_streams(lookout.desk)} == {True}
    assert {result.passed for result in check_streams(replace(lookout.desk, streams=None))} == {True}
