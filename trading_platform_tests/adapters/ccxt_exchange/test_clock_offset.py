"""The venue's wall clock against ours: measured seldom, the best of a few, kept for minutes of silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.clock_offset import (
    KEPT_SECONDS,
    LIFETIME_SECONDS,
    RETRY_SECONDS,
    SAMPLES,
    CcxtClockOffset,
)
from trading_platform.adapters.ccxt_exchange.wire_fields import epoch_ms
from trading_platform.domain.errors import RetryLater
from trading_platform_tests.adapters.ccxt_exchange.conftest import Stopwatch
from trading_platform_tests.support.scripted_server import Answer, Received, ScriptedServer

TIME = ("GET", "/api/v3/time")
SILENT = Answer("", 503)


@pytest.fixture
def clock(client: CcxtClient, stopwatch: Stopwatch) -> CcxtClockOffset:
    return CcxtClockOffset(CcxtClient(client.access, stopwatch))


def ahead_by(seconds: float, stopwatch: Stopwatch, *trips: float) -> Callable[[Received], object]:
    """Answers that are so far ahead, after these round trips in turn (the last one again and again)."""
    left = list(trips) or [0.0]

    def answer(_: Received) -> object:
        stopwatch.seconds += left.pop(0) if len(left) > 1 else left[0]
        return {"serverTime": epoch_ms(datetime.now(UTC)) + round(seconds * 1000)}

    return answer


def offset_minutes(clock: CcxtClockOffset) -> int:
    """Whole minutes that the venue is ahead; tests take less than one."""
    measured = clock.read()
    assert measured is not None
    return round(measured.offset_seconds / 60)


def test_half_the_round_trip_is_the_uncertainty(
    clock: CcxtClockOffset, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    server.script[TIME] = ahead_by(-180, stopwatch, 0.2)

    measured = clock.read()

    assert measured is not None
    assert measured.uncertainty_seconds == pytest.approx(0.1)
    assert offset_minutes(clock) == -3
    assert len(server.requests(*TIME)) == 1


def test_the_shortest_of_slow_round_trips_counts(
    clock: CcxtClockOffset, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    server.script[TIME] = ahead_by(0, stopwatch, 2.0, 0.5, 1.0)

    measured = clock.read()

    assert measured is not None
    assert measured.uncertainty_seconds == pytest.approx(0.25)
    assert len(server.requests(*TIME)) == SAMPLES


def test_it_is_measured_again_after_a_while(
    clock: CcxtClockOffset, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    server.script[TIME] = ahead_by(600, stopwatch)
    assert offset_minutes(clock) == 10
    server.script[TIME] = ahead_by(1200, stopwatch)
    stopwatch.seconds += LIFETIME_SECONDS - 1
    assert offset_minutes(clock) == 10
    stopwatch.seconds += 1
    assert offset_minutes(clock) == 20
    assert len(server.requests(*TIME)) == 2


def test_what_was_measured_holds_for_minutes_of_silence_and_no_longer(
    clock: CcxtClockOffset, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    server.script[TIME] = ahead_by(600, stopwatch)
    clock.read()
    server.script[TIME] = SILENT
    stopwatch.seconds += KEPT_SECONDS
    assert offset_minutes(clock) == 10
    asked = len(server.requests(*TIME))
    stopwatch.seconds += 1
    for _ in range(2):
        with pytest.raises(RetryLater):
            clock.read()
    assert len(server.requests(*TIME)) == asked, "a silent venue isn't asked at every reading"
    server.script[TIME] = ahead_by(1200, stopwatch)
    stopwatch.seconds += RETRY_SECONDS
    assert offset_minutes(clock) == 20


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_what_was_measured_before_the_clock_was_set_is_measured_anew_at_once(
    client: CcxtClient, server: ScriptedServer, stopwatch: Stopwatch, seconds: float
) -> None:
    moved = [0.0]
    clock = CcxtClockOffset(CcxtClient(client.access, stopwatch), lambda: moved[0])
    server.script[TIME] = ahead_by(600, stopwatch)
    assert offset_minutes(clock) == 10
    moved[0] = seconds
    server.script[TIME] = ahead_by(1200, stopwatch)
    assert offset_minutes(clock) == 20

    moved[0] = 0.0
    server.script[TIME] = SILENT
    for _ in range(2):
        with pytest.raises(RetryLater):
            clock.read()


@pytest.mark.parametrize("answer", [SILENT, {}, [], {"serverTime": "soon"}])
def test_without_any_measurement_there_is_none(clock: CcxtClockOffset, server: ScriptedServer, answer: object) -> None:
    server.script[TIME] = answer
    for _ in range(2):
        with pytest.raises(RetryLater):
            clock.read()
