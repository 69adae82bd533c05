"""A real venue's clock: measured seldom, trusted while the venue is silent, never ahead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trading_platform.adapters.ccxt_exchange import make_venue_clock
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.clock import CcxtVenueClock
from trading_platform.adapters.ccxt_exchange.clock_offset import (
    LIFETIME_SECONDS,
    UNHURRIED_LIFETIME_SECONDS,
    CcxtClockOffset,
)
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.wire_fields import epoch_ms
from trading_platform.domain.errors import RetryLater
from trading_platform_tests.adapters.ccxt_exchange.conftest import Stopwatch
from trading_platform_tests.support.scripted_server import Answer, InTurn, Received, ScriptedServer

TIME = ("GET", "/api/v3/time")


@pytest.fixture
def clock(client: CcxtClient, stopwatch: Stopwatch) -> CcxtVenueClock:
    return CcxtVenueClock(CcxtClockOffset(CcxtClient(client.access, stopwatch)))


def ahead_by(clock: CcxtVenueClock, *minutes: int) -> InTurn:
    now_ms = epoch_ms(clock.wall())
    return InTurn(*({"serverTime": now_ms + 60_000 * ahead} for ahead in minutes))


def offset(clock: CcxtVenueClock) -> int:
    """Whole minutes that the venue is ahead; tests take less than one."""
    reading = clock.read()
    return round((reading.now - reading.wall) / timedelta(minutes=1))


def test_the_answers_way_makes_it_late_and_never_early(
    clock: CcxtVenueClock, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    """Its time counts from the moment that the answer has arrived, however long that took."""

    def slow(_: Received) -> object:
        stopwatch.seconds += 600  # ten minutes under way, of which the wall clock knows nothing
        return {"serverTime": epoch_ms(clock.wall())}

    server.script[TIME] = slow
    assert offset(clock) == -10


def test_one_request_serves_the_clock_and_the_check(
    client: CcxtClient, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    feed = CcxtMarketFeed(CcxtClient(client.access, stopwatch))
    clock = make_venue_clock(feed)
    server.script[TIME] = ahead_by(clock, 10)
    assert offset(clock) == 10
    assert feed.clock_offset() is not None
    assert len(server.requests(*TIME)) == 1

    server.script[TIME] = ahead_by(clock, 20)
    stopwatch.seconds += LIFETIME_SECONDS
    feed.clock_offset()
    assert offset(clock) == 20
    assert len(server.requests(*TIME)) == 2


def test_it_is_measured_again_only_after_a_while(
    clock: CcxtVenueClock, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    server.script[TIME] = ahead_by(clock, 10)
    assert offset(clock) == 10
    server.script[TIME] = ahead_by(clock, 20)
    stopwatch.seconds += UNHURRIED_LIFETIME_SECONDS - 1
    assert offset(clock) == 10
    stopwatch.seconds += 1
    assert offset(clock) == 20
    assert len(server.requests(*TIME)) == 2


def test_what_was_measured_holds_while_the_venue_is_silent(
    clock: CcxtVenueClock, server: ScriptedServer, stopwatch: Stopwatch
) -> None:
    server.script[TIME] = ahead_by(clock, 10)
    assert offset(clock) == 10
    server.script[TIME] = Answer("", 503)
    stopwatch.seconds += UNHURRIED_LIFETIME_SECONDS
    assert offset(clock) == 10
    asked = len(server.requests(*TIME))
    assert offset(clock) == 10
    assert len(server.requests(*TIME)) == asked, "a silent venue isn't asked at every reading"


@pytest.mark.parametrize("answer", [Answer("", 503), {}, [], {"serverTime": "soon"}])
def test_without_any_measurement_there_is_no_time(
    clock: CcxtVenueClock, server: ScriptedServer, answer: object
) -> None:
    server.script[TIME] = answer
    with pytest.raises(RetryLater):
        clock.read()
