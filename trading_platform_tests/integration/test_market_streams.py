"""ccxt.pro against a misbehaving exchange: silence is noticed by the data's own age, and recovery needs no hand.

Limits are short here; the defaults are ten times as long, and the same code.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.market_stream import CcxtMarketStream
from trading_platform.adapters.simulated_exchange.clock import SimulatedVenueClock
from trading_platform.adapters.simulated_exchange.control import SimulatorControl
from trading_platform.domain.candle import find_gaps
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.stream import StreamState
from trading_platform.domain.stream_event import BookTop
from trading_platform.services.refresh_market import refresh_candles
from trading_platform.services.serve_fallback import ServedTickers, serve_tickers
from trading_platform.services.stream_market import StreamEnd, stream_market
from trading_platform.settings import StreamSettings
from trading_platform_tests.fakes import FakeSeriesStore, FakeStreamJournal
from trading_platform_tests.support.examples import MINUTE
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange

pytestmark = pytest.mark.integration

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
BTC = SYMBOLS[0]
LIVE, STALE, FALLBACK = StreamState.LIVE, StreamState.STALE, StreamState.FALLBACK
# the exchange speaks once a second
QUICK = StreamSettings(
    silence_seconds=3,
    candle_grace_seconds=3,
    flush_seconds=0.1,
    heartbeat_seconds=0.2,
    first_recovery_wait_seconds=0.5,
    longest_recovery_wait_seconds=1,
)
DETECTION = timedelta(seconds=15)


def access(venue: SimulatedExchange) -> VenueAccess:
    return VenueAccess("binance", "the exchange", 4, 12, base_url=venue.base_url)


class Listening:
    """A stream at work, and what it has written down."""

    def __init__(self, venue: SimulatedExchange, *, unified: bool = False) -> None:
        self.venue = venue
        self.store, self.streams, self.stop = FakeSeriesStore(), FakeStreamJournal(), asyncio.Event()
        self.clock = SimulatedVenueClock(SimulatorControl(venue.base_url))
        self.feed = CcxtMarketFeed(CcxtClient(access(venue)))
        self.stream = CcxtMarketStream(self.feed.client, SYMBOLS, [MINUTE], unified=unified)

    async def run(self) -> StreamEnd:
        return await stream_market(
            self.stream, self.store, self.streams, self.clock, QUICK, SYMBOLS, [MINUTE], self.stop
        )

    def states(self) -> Mapping[str, StreamState]:
        return {symbol: status.state for symbol, status in self.streams.statuses().items()}

    def story(self, symbol: str = BTC) -> list[StreamState]:
        return [change.after for change in reversed(self.streams.changes(999, symbol))]

    def moment_of(self, state: StreamState, symbol: str = BTC) -> datetime:
        return next(change.at for change in self.streams.changes(999, symbol) if change.after is state)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.05)

    async def until_all_live(self) -> None:
        await self.until(lambda: set(self.states().values()) == {LIVE} and len(self.states()) == len(SYMBOLS))

    async def fault(self, kind: str, **details: object) -> datetime:
        await asyncio.to_thread(self.venue.control.fault, kind, **details)
        return datetime.now(UTC)

    async def clear_faults(self) -> datetime:
        await asyncio.to_thread(self.venue.control.clear_faults)
        return datetime.now(UTC)

    async def refresh(self) -> None:
        """A refresh tick's candles."""
        await asyncio.to_thread(
            refresh_candles, self.feed, self.store, self.clock, SYMBOLS, [MINUTE], history_candles=30
        )

    async def tick(self) -> ServedTickers:
        """A refresh tick's prices."""
        return await asyncio.to_thread(serve_tickers, self.feed, self.store, self.streams, self.clock, SYMBOLS, QUICK)


@asynccontextmanager
async def listening(venue: SimulatedExchange, *, unified: bool = False) -> AsyncIterator[Listening]:
    listener = Listening(venue, unified=unified)
    running = asyncio.create_task(listener.run())
    try:
        await listener.until_all_live()
        yield listener
    finally:
        listener.stop.set()
        async with asyncio.timeout(10):
            assert await running is StreamEnd.STOPPED
    assert set(listener.states().values()) == {StreamState.CLOSED}


async def test_one_mute_symbol_is_noticed_served_by_rest_and_brought_back(venue: SimulatedExchange) -> None:
    async with listening(venue) as listener:
        await listener.until(lambda: len(listener.store.tickers(SYMBOLS)) == 3)
        assert (await listener.tick()).asked_rest == ""

        muted_at = await listener.fault("mute", symbol="BTCUSDT")
        await listener.until(lambda: listener.states()[BTC] is STALE)
        assert listener.moment_of(STALE) - muted_at < DETECTION
        served = await listener.tick()
        assert {ticker.source for ticker in served.tickers} == {"rest"}
        assert listener.states() == {BTC: FALLBACK, "ETH/USDT": LIVE, "SOL/USDT": LIVE}

        await listener.clear_faults()
        await listener.until_all_live()

    assert listener.story()[1:5] == [LIVE, STALE, FALLBACK, LIVE]
    assert listener.story("ETH/USDT")[1:] == [LIVE, StreamState.CLOSED]  # the others were left alone


async def test_all_mute_is_noticed_and_over_when_the_exchange_speaks_again(venue: SimulatedExchange) -> None:
    async with listening(venue) as listener:
        muted_at = await listener.fault("mute")
        await listener.until(lambda: set(listener.states().values()) == {STALE})
        assert all(listener.moment_of(STALE, symbol) - muted_at < DETECTION for symbol in SYMBOLS)
        await asyncio.sleep(2)  # the ladder is climbed as far as a new client
        await listener.clear_faults()
        await listener.until_all_live()


async def test_a_frozen_connection_is_noticed_and_replaced(venue: SimulatedExchange) -> None:
    async with listening(venue) as listener:
        frozen_at = await listener.fault("freeze")
        await listener.until(lambda: listener.states()[BTC] is STALE)
        assert listener.moment_of(STALE) - frozen_at < DETECTION
        await listener.clear_faults()
        await listener.until_all_live()


@pytest.mark.parametrize("close_code", [1000, 1001, 0])
async def test_a_closed_connection_is_made_again_at_once(venue: SimulatedExchange, close_code: int) -> None:
    async with listening(venue) as listener:
        await listener.fault("drop", close_code=close_code)
        await listener.until(lambda: all(status.reconnects for status in listener.streams.statuses().values()))
        await listener.until_all_live()

    assert listener.story()[1:4] == [LIVE, StreamState.CONNECTING, LIVE]


async def test_refused_connections_are_tried_again_until_they_are_taken(venue: SimulatedExchange) -> None:
    async with listening(venue) as listener:
        refused_at = await listener.fault("refuse")
        await listener.fault("drop")
        await listener.until(lambda: listener.states()[BTC] is STALE)
        assert listener.moment_of(STALE) - refused_at < DETECTION
        await listener.clear_faults()
        await listener.until_all_live()


async def test_a_refused_subscription_does_not_leave_it_hanging(venue: SimulatedExchange) -> None:
    async with listening(venue) as listener:
        await listener.fault("refuse_subscription", count=2)
        await listener.fault("drop")
        await listener.until(lambda: listener.streams.statuses()[BTC].reconnects >= 3)
        await listener.until_all_live()

    assert listener.streams.statuses()[BTC].reconnects >= 3


@pytest.mark.parametrize("shape", ["truncated", "empty", "html", "empty_list", "no_symbol", "not_utf8"])
async def test_one_bad_frame_does_not_end_the_listening(venue: SimulatedExchange, shape: str) -> None:
    async with listening(venue) as listener:
        await listener.fault("malformed", shape=shape, count=2)
        counts = "reconnects" if shape == "not_utf8" else "malformed"  # that one ends the connection
        await listener.until(lambda: getattr(listener.streams.statuses()[BTC], counts) > 0)
        seen = listener.streams.statuses()[BTC].last_event_at
        await listener.until(lambda: listener.streams.statuses()[BTC].last_event_at != seen)
        await listener.until_all_live()


async def test_events_that_come_twice_or_late_are_counted_and_change_nothing(venue: SimulatedExchange) -> None:
    async with listening(venue) as listener:
        await listener.fault("duplicate", symbol="BTCUSDT", count=4)
        await listener.fault("reorder", stream="trade", symbol="ETHUSDT", count=2)
        await listener.until(lambda: listener.streams.statuses()[BTC].duplicates >= 2)
        await listener.until(lambda: listener.streams.statuses()["ETH/USDT"].out_of_order >= 1)

        assert set(listener.states().values()) == {LIVE}


async def test_candles_missed_by_the_stream_are_repaired_by_rest_none_lost_none_doubled() -> None:
    with simulated_exchange(speed=120) as venue:
        async with listening(venue) as listener:
            await listener.refresh()
            fetched = listener.store.newest_open_time(BTC, MINUTE)
            await listener.until(lambda: listener.store.newest_open_time(BTC, MINUTE) != fetched)
            await listener.fault("mute", symbol="BTCUSDT")
            await listener.until(lambda: listener.states()[BTC] is STALE)
            before = listener.store.newest_open_time(BTC, MINUTE)
            await listener.clear_faults()
            await listener.until_all_live()
            await asyncio.sleep(1)
            assert listener.store.newest_open_time(BTC, MINUTE) == before  # a hole lies behind it

            await listener.refresh()
            repaired = listener.store.newest_open_time(BTC, MINUTE)
            await listener.until(lambda: listener.store.newest_open_time(BTC, MINUTE) != repaired)
            held = listener.store.candles(BTC, MINUTE)
            asked = await asyncio.to_thread(listener.feed.candles, BTC, MINUTE, held[0].open_time, len(held))

    assert find_gaps([candle.open_time for candle in held], MINUTE) == []
    assert held == asked  # to the last digit, whoever brought it


async def test_prices_without_candles_are_stale_too() -> None:
    with simulated_exchange(speed=60) as venue:
        async with listening(venue) as listener:
            muted_at = await listener.fault("mute", stream="kline", symbol="BTCUSDT")
            await listener.until(lambda: listener.states()[BTC] is STALE)
            assert listener.moment_of(STALE) - muted_at < DETECTION
            assert "candle that was due to close" in listener.streams.statuses()[BTC].reason
            await listener.clear_faults()
            await listener.until_all_live()


async def test_any_exchange_is_heard_in_ccxts_common_form_and_its_candles_are_left_to_rest() -> None:
    with simulated_exchange(speed=60) as venue:
        async with listening(venue, unified=True) as listener:
            assert not listener.stream.carries_candles
            await listener.refresh()
            await listener.until(lambda: BTC in listener.store.tickers([BTC]))
            ticker = listener.store.tickers([BTC])[BTC]
            assert ticker.source == "stream"
            assert isinstance(ticker.bid, Decimal)

            await listener.fault("drop")
            await listener.until(lambda: listener.streams.statuses()[BTC].reconnects > 0)
            await listener.until_all_live()
            held = listener.store.candles(BTC, MINUTE)
            span = (held[0].open_time, held[-1].open_time + MINUTE.length)
            sources = listener.store.sources(BTC, MINUTE, start=span[0], end=span[1])
            assert set(sources.values()) == {"rest"}


async def test_in_the_common_form_one_symbol_is_subscribed_to_again_alone(venue: SimulatedExchange) -> None:
    async with listening(venue, unified=True) as listener:
        for _ in range(5):
            await listener.stream.resubscribe([BTC])
            await asyncio.sleep(0.5)
        await listener.until_all_live()
        statuses = listener.streams.statuses()
        assert [statuses[symbol].reconnects for symbol in SYMBOLS] == [0, 0, 0]
        assert all(STALE not in listener.story(symbol) for symbol in SYMBOLS)


async def test_a_symbol_that_needs_many_new_sockets_takes_none_from_the_others(venue: SimulatedExchange) -> None:
    async with listening(venue) as listener:
        for _ in range(50):
            await listener.stream.new_socket([BTC])
        await asyncio.sleep(QUICK.silence_seconds + 1)  # long enough to be missed
        assert all(STALE not in listener.story(symbol) for symbol in SYMBOLS)


@pytest.mark.parametrize("unified", [False, True])
async def test_a_symbol_that_is_not_traded_costs_the_others_nothing(venue: SimulatedExchange, unified: bool) -> None:
    stream = CcxtMarketStream(CcxtClient(access(venue)), ["LUNA/USDT", BTC], [MINUTE], unified=unified)
    try:
        async with asyncio.timeout(20):
            symbol = await anext(event.symbol async for event in stream.events() if isinstance(event, BookTop))
    finally:
        await stream.close()
    assert symbol == BTC


def test_an_exchange_that_ccxt_cannot_listen_to_is_told() -> None:
    with pytest.raises(FixSettings, match="no streams"):
        CcxtMarketStream(CcxtClient(VenueAccess("btcalpha", "btcalpha", 4, 12)), SYMBOLS, [MINUTE])
