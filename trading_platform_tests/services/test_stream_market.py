"""Listening, end to end over fakes: what arrives is stored, silence is noticed, recovery is climbed, nothing raises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.domain.stream_event import (
    BookTop,
    CandleUpdate,
    Disconnected,
    Malformed,
    StreamEvent,
    TradePrint,
)
from trading_platform.ports.clock import WallClock
from trading_platform.services.stream_market import StreamEnd, report_no_stream, stream_market
from trading_platform.settings import StreamSettings
from trading_platform_tests.fakes import FakeMarketStream, FakeSeriesStore, FakeStreamJournal
from trading_platform_tests.support.examples import MINUTE, candle, minutes

BTC, ETH = "BTC/USDT", "ETH/USDT"
CONNECTING, LIVE, STALE, CLOSED = StreamState.CONNECTING, StreamState.LIVE, StreamState.STALE, StreamState.CLOSED
QUICK = StreamSettings(
    silence_seconds=0.6,
    flush_seconds=0.05,
    heartbeat_seconds=0.05,
    first_recovery_wait_seconds=0.1,
    longest_recovery_wait_seconds=0.2,
    restart_after_seconds=1.0,
    buffered_candles=100,
)


def top(symbol: str = BTC, number: int | None = None, bid: int = 100) -> BookTop:
    return BookTop(symbol, Decimal(bid), Decimal(bid + 1), datetime.now(UTC), number, last=Decimal(bid))


def closed(minute: int, close: str = "84705.64") -> CandleUpdate:
    return CandleUpdate(BTC, MINUTE, candle(minute, close), True, datetime.now(UTC))


class _Floor:
    def __init__(self) -> None:
        self.stream, self.store, self.streams = FakeMarketStream(), FakeSeriesStore(), FakeStreamJournal()
        self.stop = asyncio.Event()
        self.seconds = 0.0  # passes as the test goes on, however slow the computer is
        self.end: asyncio.Task[StreamEnd] | None = None
        self.relieved: list[list[StreamState | None]] = []
        self.relief_trouble: list[PlatformError] = []

    def monotonic(self) -> float:
        return self.seconds

    @asynccontextmanager
    async def listening(self, settings: StreamSettings = QUICK) -> AsyncIterator[_Floor]:
        self.end = asyncio.create_task(
            stream_market(
                self.stream,
                self.store,
                self.streams,
                WallClock(),
                settings,
                [BTC, ETH],
                [MINUTE],
                self.stop,
                serve_by_rest=self._relieve,
                monotonic_seconds=self.monotonic,
            )
        )
        yield self
        self.stop.set()
        await self.end

    def _relieve(self) -> None:
        self.relieved.append(self.states())
        if self.relief_trouble:
            raise self.relief_trouble.pop()

    async def until(self, condition: Callable[[], bool], *meanwhile: Callable[[], StreamEvent]) -> None:
        """Wait for it, letting these arrive again and again."""
        async with asyncio.timeout(20):
            while not condition():
                self.stream.push(*(make() for make in meanwhile))
                await asyncio.sleep(0.03)
                self.seconds += 0.05

    def status(self, symbol: str) -> StreamStatus:
        found = self.streams.statuses().get(symbol)
        return found or StreamStatus(symbol, CONNECTING, "", datetime.now(UTC), None, datetime.now(UTC))

    def states(self) -> list[StreamState | None]:
        known = self.streams.statuses()
        return [known[symbol].state if symbol in known else None for symbol in (BTC, ETH)]

    def story(self, symbol: str) -> list[StreamState]:
        return [change.after for change in reversed(self.streams.changes(99, symbol))]


@pytest.fixture
def floor() -> _Floor:
    return _Floor()


async def test_prices_are_conflated_and_stored_with_their_source(floor: _Floor) -> None:
    async with floor.listening():
        floor.stream.push(*(top(bid=bid, number=bid) for bid in range(100, 200)))
        await floor.until(lambda: BTC in floor.store.tickers([BTC]))
        ticker = floor.store.tickers([BTC])[BTC]

    assert (ticker.bid, ticker.last, ticker.source) == (199, 199, "stream")
    assert floor.stream.is_closed


async def test_the_newest_trade_is_the_last_price(floor: _Floor) -> None:
    async with floor.listening():
        floor.stream.push(top(), TradePrint(BTC, Decimal(102), datetime.now(UTC), 8))
        floor.stream.push(TradePrint(BTC, Decimal(101), datetime.now(UTC), 7))
        await floor.until(lambda: BTC in floor.store.tickers([BTC]))

        assert floor.store.tickers([BTC])[BTC].last == 102


def fetched_by_rest(floor: _Floor, *numbers: int) -> None:
    """REST has been there first, as at every start."""
    candles = [candle(number) for number in numbers]
    floor.store.write_candles(BTC, MINUTE, candles, source="rest", received_at=minutes(0))


async def test_only_candles_that_the_exchange_calls_closed_are_stored(floor: _Floor) -> None:
    in_progress = CandleUpdate(BTC, MINUTE, candle(1), False, datetime.now(UTC))
    fetched_by_rest(floor, -1)
    async with floor.listening():
        floor.stream.push(closed(0), in_progress)
        await floor.until(lambda: floor.store.count_candles(BTC, MINUTE) > 1)

    assert floor.store.candles(BTC, MINUTE) == [candle(-1), candle(0, "84705.64")]


async def test_a_candle_beyond_a_hole_waits_for_rest(floor: _Floor) -> None:
    fetched_by_rest(floor, 0)
    async with floor.listening():
        floor.stream.push(closed(2), top())
        await floor.until(lambda: BTC in floor.store.tickers([BTC]))
        assert floor.store.newest_open_time(BTC, MINUTE) == minutes(0)

        fetched_by_rest(floor, 1)
        await floor.until(lambda: floor.store.newest_open_time(BTC, MINUTE) == minutes(2))


async def test_late_and_corrected_candles_replace_what_is_stored(floor: _Floor) -> None:
    fetched_by_rest(floor, -1, 0)
    async with floor.listening():
        floor.stream.push(closed(1), closed(0, "84707"), closed(1), closed(1, "84706"))
        await floor.until(lambda: [c.close for c in floor.store.candles(BTC, MINUTE)][1:] == [84707, 84706])
        await floor.until(lambda: floor.status(BTC).out_of_order == 1)

        assert floor.status(BTC).duplicates == 1


async def test_a_candle_from_the_future_is_malformed_and_hides_no_lateness(floor: _Floor) -> None:
    far = CandleUpdate(BTC, MINUTE, replace(candle(0), open_time=datetime(2099, 1, 1, tzinfo=UTC)), True, minutes(1))
    async with floor.listening():
        await floor.until(lambda: floor.seconds > 1, top)  # the venue's clock has been read
        await floor.until(lambda: floor.status(BTC).malformed > 0, lambda: far)
        floor.stream.push(closed(0), closed(1))
        await floor.until(lambda: floor.status(BTC).last_event_at is not None, top)
    assert floor.status(BTC).out_of_order == 0


async def test_events_are_counted_by_what_is_wrong_with_them(floor: _Floor) -> None:
    async with floor.listening():
        floor.stream.push(top(number=5), top(number=5), top(number=4), Malformed((BTC, ETH), "no number"))
        await floor.until(lambda: floor.status(ETH).malformed == 1)
        status = floor.status(BTC)

    assert (status.duplicates, status.out_of_order, status.malformed) == (1, 1, 1)


async def test_a_mute_symbol_is_stale_while_the_other_lives_and_comes_back(floor: _Floor) -> None:
    def eth() -> BookTop:
        return top(ETH)

    async with floor.listening():
        floor.stream.push(top(BTC))
        await floor.until(lambda: floor.states() == [STALE, LIVE], eth)
        assert "no price for" in floor.streams.statuses()[BTC].reason
        await floor.until(lambda: len(floor.stream.steps) > 3, eth)
        assert floor.stream.steps[0] == ("resubscribe", (BTC,))
        # the other symbol is left alone
        assert set(floor.stream.steps[1:]) == {("new_socket", (BTC,))}
        await floor.until(lambda: floor.states() == [LIVE, LIVE], eth, top)

    assert floor.story(BTC) == [CONNECTING, LIVE, STALE, LIVE, CLOSED]
    assert floor.story(ETH) == [CONNECTING, LIVE, CLOSED]
    assert "after a new socket" in floor.streams.changes(9, BTC)[1].reason


async def test_silence_of_all_ends_in_a_restart_of_the_process(floor: _Floor) -> None:
    async with floor.listening():
        end = floor.end
        assert end is not None
        await floor.until(end.done)
        assert end.result() is StreamEnd.RESTART

    assert floor.stream.steps[0][0] == "resubscribe"
    assert {step for step, _ in floor.stream.steps} == {"resubscribe", "new_socket", "new_client"}
    assert floor.states() == [STALE, STALE]  # a restart is no end
    assert floor.stream.is_closed


async def test_a_lost_connection_is_told_at_once_and_counted(floor: _Floor) -> None:
    async with floor.listening():
        floor.stream.push(top(), top(ETH))
        await floor.until(lambda: floor.states() == [LIVE, LIVE])
        floor.stream.push(Disconnected((BTC, ETH), "closing code 1001"), top(), top(ETH))
        await floor.until(lambda: floor.status(ETH).reconnects == 1)

    assert floor.story(BTC)[:4] == [CONNECTING, LIVE, CONNECTING, LIVE]
    assert "closing code 1001" in floor.streams.changes(9, BTC)[-3].reason


async def test_a_price_from_before_a_lost_connection_is_not_stored_beside_a_new_book(floor: _Floor) -> None:
    async with floor.listening():
        floor.stream.push(top(bid=100))
        await floor.until(lambda: BTC in floor.store.tickers([BTC]))
        floor.stream.push(Disconnected((BTC,), "closed"), BookTop(BTC, Decimal(90), Decimal(91), datetime.now(UTC)))
        await floor.until(lambda: floor.status(BTC).state is LIVE and floor.status(BTC).reconnects == 1)
    assert floor.store.tickers([BTC])[BTC].bid == 100


@pytest.mark.parametrize("trouble", [RetryLater("no answer"), FixSettings("HTTP 401: a token that isn't valid")])
async def test_while_the_store_is_away_or_refuses_candles_are_kept_and_the_newest_price(
    floor: _Floor, trouble: PlatformError
) -> None:
    floor.store.trouble = trouble
    async with floor.listening():
        floor.store.is_down = floor.streams.is_down = True
        for minute in range(150):
            floor.stream.push(closed(minute))
        floor.stream.push(top(bid=1), top(bid=2))
        await asyncio.sleep(0.3)
        floor.store.is_down = floor.streams.is_down = False
        fetched_by_rest(floor, 49)
        await floor.until(lambda: floor.store.count_candles(BTC, MINUTE) > 1)
        await floor.until(lambda: BTC in floor.store.tickers([BTC]))

        # the bound: the oldest fifty are left to REST
        assert floor.store.candles(BTC, MINUTE)[1].open_time == minutes(50)
        assert floor.store.count_candles(BTC, MINUTE) == 101
        assert floor.store.tickers([BTC])[BTC].bid == 2


async def test_changes_while_the_journal_is_away_are_not_lost(floor: _Floor) -> None:
    async with floor.listening():
        await floor.until(lambda: floor.states() == [CONNECTING, CONNECTING])
        floor.streams.is_down = True
        floor.stream.push(top(), Disconnected((BTC,), "gone"), top())
        await asyncio.sleep(0.2)
        floor.streams.is_down = False
        await floor.until(lambda: len(floor.story(BTC)) >= 4)

    assert floor.story(BTC)[:4] == [CONNECTING, LIVE, CONNECTING, LIVE]


async def test_after_the_computer_slept_everything_is_opened_anew(floor: _Floor) -> None:
    async with floor.listening():
        floor.stream.push(top())
        await floor.until(lambda: floor.states() == [LIVE, CONNECTING])
        floor.seconds += 3600
        await floor.until(lambda: ("new_client", ()) in floor.stream.steps)
        await floor.until(lambda: floor.states() == [LIVE, LIVE], top, lambda: top(ETH))

    assert any("nothing ran for" in change.reason for change in floor.streams.changes(99, BTC))


async def test_a_stream_without_candles_is_not_blamed_for_them() -> None:
    floor = _Floor()
    floor.stream = FakeMarketStream(carries_candles=False)
    async with floor.listening(QUICK.model_copy(update={"candle_grace_seconds": 0.01})):
        await floor.until(lambda: floor.states() == [LIVE, LIVE], top, lambda: top(ETH))
        await floor.until(lambda: floor.seconds > 2, top, lambda: top(ETH))

        assert floor.states() == [LIVE, LIVE]


async def test_where_there_is_nothing_to_listen_to_that_is_said() -> None:
    streams, stop = FakeStreamJournal(), asyncio.Event()
    told = asyncio.create_task(report_no_stream(streams, WallClock(), QUICK, [BTC], "ccxt has none", stop))
    async with asyncio.timeout(20):
        while not streams.statuses():
            await asyncio.sleep(0.02)
    stop.set()
    await told

    assert (streams.statuses()[BTC].state, streams.statuses()[BTC].reason) == (CLOSED, "ccxt has none")


@pytest.fixture
def _quick_relief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_platform.services.relieve_streams.GRACE_SECONDS", 0.2)
    monkeypatch.setattr("trading_platform.services.relieve_streams.RETRY_SECONDS", 0.2)


@pytest.mark.usefixtures("_quick_relief")
@pytest.mark.parametrize("trouble", [RetryLater("HTTP 503"), FixSettings("HTTP 401")])
async def test_rest_serves_what_has_gone_before_the_next_refresh_and_is_asked_again_if_it_fails(
    floor: _Floor, trouble: PlatformError
) -> None:
    async with floor.listening():
        await floor.until(lambda: floor.states() == [LIVE, LIVE], top, lambda: top(ETH))
        assert floor.relieved == []
        floor.relief_trouble = [trouble]
        floor.stream.push(Disconnected((BTC,), "reset by peer"))
        await floor.until(lambda: len(floor.relieved) == 2, lambda: top(ETH))

        assert floor.relieved[0] == [CONNECTING, LIVE]


@pytest.mark.usefixtures("_quick_relief")
async def test_a_connection_that_is_back_at_once_needs_no_rest(floor: _Floor) -> None:
    async with floor.listening():
        await floor.until(lambda: floor.states() == [LIVE, LIVE], top, lambda: top(ETH))
        floor.stream.push(Disconnected((BTC,), "reset by peer"), top())
        await floor.until(lambda: floor.story(BTC)[-2:] == [CONNECTING, LIVE], top, lambda: top(ETH))
        await asyncio.sleep(0.4)

    assert floor.relieved == []
