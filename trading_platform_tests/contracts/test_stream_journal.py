"""What every journal of streams does."""

from __future__ import annotations

from dataclasses import replace

from trading_platform.domain.stream import StreamChange, StreamState, StreamStatus
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform_tests.support.examples import SYMBOL, minutes

CONNECTING, LIVE, STALE = StreamState.CONNECTING, StreamState.LIVE, StreamState.STALE
FALLBACK, CLOSED = StreamState.FALLBACK, StreamState.CLOSED
OTHER = "ETH/USDT"


def status(
    state: StreamState, minute: float = 0, symbol: str = SYMBOL, since: float | None = None, reconnects: int = 0
) -> StreamStatus:
    began = minutes(minute if since is None else since)
    return StreamStatus(
        symbol, state, f"it is {state}", began, None, minutes(minute), reconnects=reconnects, malformed=3
    )


def _story(streams: StreamJournal, symbol: str = SYMBOL) -> list[tuple[StreamState | None, StreamState]]:
    return [(change.before, change.after) for change in reversed(streams.changes(99, symbol))]


def test_the_newest_status_per_symbol_is_kept(streams: StreamJournal) -> None:
    streams.record([status(LIVE), status(CONNECTING, symbol=OTHER)])
    newest = replace(
        status(LIVE, 2, since=0, reconnects=4),
        last_event_at=minutes(2),
        duplicates=1,
        out_of_order=2,
        trades=9,
        last_trade_at=minutes(1),
    )
    streams.record([newest])

    assert streams.statuses() == {SYMBOL: newest, OTHER: status(CONNECTING, symbol=OTHER)}


def test_an_older_heartbeat_never_replaces_a_newer_one(streams: StreamJournal) -> None:
    streams.record([status(LIVE, 3)])
    streams.record([status(STALE, 2)])

    assert streams.statuses()[SYMBOL] == status(LIVE, 3)


def test_after_the_clock_was_set_back_the_states_are_recorded_all_the_same(streams: StreamJournal) -> None:
    streams.record([status(LIVE, 60)])
    streams.record([status(STALE, 1)])

    assert streams.statuses()[SYMBOL] == status(STALE, 1)


def test_changes_of_state_are_history_newest_first(streams: StreamJournal) -> None:
    streams.record([status(CONNECTING, 0), status(CONNECTING, 0, OTHER)])
    streams.record([status(CONNECTING, 1, since=0)])
    streams.record([status(LIVE, 2, since=1.5)])

    assert streams.changes(1) == [StreamChange(SYMBOL, CONNECTING, LIVE, "it is live", minutes(1.5))]
    assert _story(streams) == [(None, CONNECTING), (CONNECTING, LIVE)]
    assert _story(streams, OTHER) == [(None, CONNECTING)]
    assert len(streams.changes(99)) == 3


def test_statuses_of_one_symbol_are_taken_in_their_order(streams: StreamJournal) -> None:
    streams.record([status(CONNECTING), status(LIVE, 1), status(LIVE, 0, OTHER), status(STALE, 2), status(LIVE, 3)])

    assert _story(streams) == [(None, CONNECTING), (CONNECTING, LIVE), (LIVE, STALE), (STALE, LIVE)]
    assert streams.statuses()[SYMBOL] == status(LIVE, 3)


def test_a_symbol_that_rest_serves_stays_so_until_its_stream_lives(streams: StreamJournal) -> None:
    streams.record([status(STALE, 0)])
    assert streams.mark_fallback({SYMBOL: "served by REST"}, minutes(0.1), 10) == [SYMBOL]
    assert streams.mark_fallback({SYMBOL: "served by REST, still"}, minutes(0.2), 10) == []

    streams.record([status(STALE, 0.3, since=0, reconnects=7)])
    streams.record([status(CONNECTING, 0.4, reconnects=8)])
    told = streams.statuses()[SYMBOL]
    assert (told.state, told.reason, told.since) == (FALLBACK, "served by REST", minutes(0.1))
    assert (told.heartbeat_at, told.reconnects) == (minutes(0.4), 8)

    streams.record([status(LIVE, 1)])
    assert streams.statuses()[SYMBOL] == status(LIVE, 1)
    assert _story(streams) == [(None, STALE), (STALE, FALLBACK), (FALLBACK, LIVE)]


def test_what_lives_or_is_closed_is_not_called_fallback(streams: StreamJournal) -> None:
    streams.record([status(LIVE, 1), status(CLOSED, 1, OTHER)])

    assert streams.mark_fallback({SYMBOL: "r", OTHER: "r", "NO/ONE": "r"}, minutes(1.1), 10) == []
    assert {each.state for each in streams.statuses().values()} == {LIVE, CLOSED}


def test_a_live_state_whose_heartbeat_is_old_says_nothing(streams: StreamJournal) -> None:
    streams.record([status(LIVE, 1)])

    assert streams.mark_fallback({SYMBOL: "the process is gone"}, minutes(1.5), 10) == [SYMBOL]
    assert streams.statuses()[SYMBOL].heartbeat_at == minutes(1)


def test_a_stopped_stream_is_closed_even_if_rest_served_it(streams: StreamJournal) -> None:
    streams.record([status(STALE, 0)])
    streams.mark_fallback({SYMBOL: "r"}, minutes(0.1), 10)
    streams.record([status(CLOSED, 1)])

    assert streams.statuses()[SYMBOL].state is CLOSED


def test_old_changes_can_be_dropped(streams: StreamJournal) -> None:
    streams.record([status(CONNECTING, 0), status(LIVE, 1), status(STALE, 5)])

    assert streams.prune(minutes(2)) == 2
    assert streams.prune(minutes(2)) == 0
    assert _story(streams) == [(LIVE, STALE)]
    assert streams.statuses()[SYMBOL].state is STALE
