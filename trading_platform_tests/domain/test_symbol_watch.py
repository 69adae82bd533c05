"""A stream is judged by its data alone: connected, answering pings, and mute is stale (I6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.stream import StreamChange, StreamState
from trading_platform.domain.symbol_watch import Instant, SymbolWatch, WatchLimits
from trading_platform.domain.venue_time import VenueTime
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, minutes

LIMITS = WatchLimits(silence_seconds=10, candle_grace_seconds=5)
CONNECTING, LIVE, STALE, CLOSED = StreamState.CONNECTING, StreamState.LIVE, StreamState.STALE, StreamState.CLOSED


def at(seconds: float) -> Instant:
    return Instant(START + timedelta(seconds=seconds), 1000 + seconds)


def venue(seconds: float, speed: float = 1.0) -> VenueTime:
    moment = START + timedelta(seconds=seconds)
    return VenueTime(moment, moment, speed)


def look(watch: SymbolWatch, seconds: float) -> StreamChange | None:
    return watch.look(at(seconds), venue(seconds))


@pytest.fixture
def watch() -> SymbolWatch:
    return SymbolWatch(SYMBOL, [MINUTE], LIMITS, at(0))


def test_the_first_price_makes_it_live(watch: SymbolWatch) -> None:
    assert watch.price_arrived(at(1)) == StreamChange(SYMBOL, CONNECTING, LIVE, "data arrives", at(1).wall)
    assert watch.price_arrived(at(2)) is None
    assert (watch.state, watch.since, watch.last_event_at) == (LIVE, at(1).wall, at(2).wall)


def test_silence_makes_it_stale_and_the_next_price_live(watch: SymbolWatch) -> None:
    watch.price_arrived(at(1))
    assert look(watch, 11) is None

    change = look(watch, 11.5)
    assert change == StreamChange(SYMBOL, LIVE, STALE, "no price for 10.5 s", at(11.5).wall)
    assert look(watch, 20) is None

    watch.treated("resubscribing")
    again = watch.price_arrived(at(21))
    assert again is not None
    assert (again.before, again.after) == (STALE, LIVE)
    assert again.reason == "data again after resubscribing, after 20.0 s without a price"


def test_a_stream_that_never_says_anything_is_stale(watch: SymbolWatch) -> None:
    change = look(watch, 10.1)

    assert change is not None
    assert (change.before, change.after) == (CONNECTING, STALE)
    assert "no price since it was opened" in change.reason


def test_trades_alone_prove_no_price(watch: SymbolWatch) -> None:
    watch.price_arrived(at(1))
    for second in range(2, 12):
        watch.data_arrived(at(second))

    change = look(watch, 11.5)
    assert change is not None
    assert change.reason == "no price for 10.5 s, though other data arrives"


def test_prices_without_the_candle_that_was_due_are_stale(watch: SymbolWatch) -> None:
    watch.candle_arrived(MINUTE, minutes(0), at(1), is_closed=False)
    for second in range(1, 65):
        watch.price_arrived(at(second))
        assert look(watch, second) is None

    watch.price_arrived(at(65.5))
    change = look(watch, 65.5)
    assert change is not None
    assert change.after is STALE
    assert "1m candle that was due to close at 00:01:00 hasn't come for 5.5 s" in change.reason
    assert watch.price_arrived(at(66)) is None  # prices were never the trouble

    back = watch.candle_arrived(MINUTE, minutes(1), at(67), is_closed=False)
    assert back is not None
    assert back.after is LIVE
    assert back.reason == "data again, 1.5 s after it went stale"


def test_candles_without_prices_are_stale(watch: SymbolWatch) -> None:
    for second in range(1, 12):
        watch.candle_arrived(MINUTE, minutes(0), at(second), is_closed=False)

    change = look(watch, 11)
    assert change is not None
    assert (change.before, change.after) == (CONNECTING, STALE)


def test_a_lost_connection_is_told_at_once_but_a_stale_stream_stays_stale(watch: SymbolWatch) -> None:
    watch.price_arrived(at(1))
    change = watch.disconnected(at(2), "closed by the exchange")
    assert change == StreamChange(SYMBOL, LIVE, CONNECTING, "closed by the exchange", at(2).wall)
    assert watch.disconnected(at(3), "refused") is None
    assert watch.reason == "refused"

    stale = look(watch, 12.1)
    assert stale is not None
    assert stale.after is STALE
    assert watch.disconnected(at(13), "refused") is None
    assert watch.state is STALE


def test_a_candle_that_closed_while_nothing_was_heard_is_not_waited_for(watch: SymbolWatch) -> None:
    watch.candle_arrived(MINUTE, minutes(0), at(1), is_closed=False)
    watch.price_arrived(at(50))
    watch.disconnected(at(55), "closed")
    watch.price_arrived(at(64))

    assert look(watch, 70) is None
    assert watch.state is LIVE


def test_a_market_that_stands_still_has_nothing_to_say(watch: SymbolWatch) -> None:
    watch.price_arrived(at(1))

    assert watch.look(at(500), venue(10, speed=0)) is None
    assert look(watch, 509) is None
    assert look(watch, 511) is not None


def test_without_the_venues_clock_prices_are_judged_all_the_same(watch: SymbolWatch) -> None:
    watch.price_arrived(at(1))
    watch.candle_arrived(MINUTE, minutes(0), at(1), is_closed=False)
    watch.price_arrived(at(300))

    assert watch.look(at(305), None) is None
    assert watch.look(at(311), None) is not None


def test_after_the_computer_slept_it_is_connecting(watch: SymbolWatch) -> None:
    watch.price_arrived(at(1))
    change = watch.interrupted(at(3600), "the computer slept")

    assert change is not None
    assert change.after is CONNECTING
    assert look(watch, 3609) is None


def test_what_is_closed_stays_closed(watch: SymbolWatch) -> None:
    assert watch.closed(at(1), "stopped") is not None
    assert watch.price_arrived(at(2)) is None
    assert look(watch, 100) is None
    assert watch.state is CLOSED


_EVENTS = st.lists(st.tuples(st.sampled_from("pcdxtl"), st.floats(0.1, 30)), max_size=60)


@given(_EVENTS)
def test_live_means_a_price_within_the_limit_and_changes_form_a_chain(events: list[tuple[str, float]]) -> None:
    watch = SymbolWatch(SYMBOL, [MINUTE], LIMITS, at(0))
    now, last_price, state = 0.0, 0.0, CONNECTING
    for kind, pause in events:
        now += pause
        before = watch.state
        change: StreamChange | None = None
        if kind == "p":
            change, last_price = watch.price_arrived(at(now)), now
        elif kind == "c":
            change = watch.candle_arrived(MINUTE, MINUTE.floor(at(now).wall), at(now), is_closed=False)
        elif kind == "d":
            watch.data_arrived(at(now))
        elif kind == "x":
            change = watch.disconnected(at(now), "gone")
        elif kind == "t":
            watch.treated("resubscribing")
        else:
            change = look(watch, now)
            # whoever looks never finds a stream called live that has been mute for longer than the limit
            assert not (watch.state is LIVE and now - last_price > LIMITS.silence_seconds + 1e-6)
        assert (change is None) == (watch.state is before)
        if change is not None:
            assert (change.before, change.after) == (state, watch.state)
            assert change.reason
        state = watch.state
