"""Where streams live they serve; where they don't, REST does at the next tick, and the switch shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.services.serve_fallback import ServedTickers, serve_tickers
from trading_platform.settings import StreamSettings
from trading_platform_tests.fakes import FakeClock, FakeMarketFeed, FakeSeriesStore, FakeStreamJournal
from trading_platform_tests.support.examples import MINUTE, START, candle

SYMBOLS = ("BTC/USDT", "ETH/USDT")
LIVE, STALE, CONNECTING, FALLBACK = (
    StreamState.LIVE,
    StreamState.STALE,
    StreamState.CONNECTING,
    StreamState.FALLBACK,
)
PUSHED = Decimal(7)


class _Tick:
    def __init__(self) -> None:
        self.clock = FakeClock(START)
        self.feed, self.store, self.streams = FakeMarketFeed(self.clock), FakeSeriesStore(), FakeStreamJournal()
        for symbol in SYMBOLS:
            self.feed.add_candles(symbol, MINUTE, [candle()])

    def stream(self, state: StreamState, *symbols: str) -> None:
        """These streams' states, and a young price of each that lives."""
        now = self.clock.read()
        self.streams.record([StreamStatus(s, state, f"it is {state}", now.wall, now.wall, now.wall) for s in symbols])
        if state is LIVE:
            self.store.write_tickers([Ticker(s, PUSHED, PUSHED, PUSHED, now.now, now.wall, "stream") for s in symbols])

    def serve(self) -> ServedTickers:
        return serve_tickers(self.feed, self.store, self.streams, self.clock, SYMBOLS, StreamSettings())

    def states(self) -> list[StreamState]:
        return [self.streams.statuses()[symbol].state for symbol in SYMBOLS]


@pytest.fixture
def tick() -> _Tick:
    return _Tick()


def test_live_streams_with_young_prices_need_no_rest(tick: _Tick) -> None:
    tick.stream(LIVE, *SYMBOLS)
    tick.feed.is_silent = True
    tick.clock.advance(4)

    served = tick.serve()
    assert served.asked_rest == ""
    assert [(ticker.symbol, ticker.last, ticker.source) for ticker in served.tickers] == [
        ("BTC/USDT", PUSHED, "stream"),
        ("ETH/USDT", PUSHED, "stream"),
    ]


def test_after_the_clock_was_set_back_nothing_from_the_future_counts_as_young(tick: _Tick) -> None:
    tick.stream(LIVE, *SYMBOLS)
    tick.clock.set_wall(-3600)

    served = tick.serve()
    assert {ticker.source for ticker in served.tickers} == {"rest"}
    assert tick.states() == [FALLBACK, FALLBACK]


def test_one_stale_stream_lets_rest_serve_all_in_one_call(tick: _Tick) -> None:
    tick.stream(LIVE, "ETH/USDT")
    tick.stream(STALE, "BTC/USDT")
    tick.clock.advance(1)

    served = tick.serve()
    assert "BTC/USDT: it is stale" in served.asked_rest
    assert {ticker.source for ticker in served.tickers} == {"rest"}
    assert tick.states() == [FALLBACK, LIVE]
    assert tick.streams.statuses()["BTC/USDT"].reason == "served by REST since 00:00:01: it is stale"


def test_a_stream_that_lives_again_serves_again(tick: _Tick) -> None:
    tick.stream(STALE, *SYMBOLS)
    tick.serve()
    tick.clock.advance(1)
    tick.stream(LIVE, *SYMBOLS)

    assert tick.serve().asked_rest == ""
    assert tick.states() == [LIVE, LIVE]


def test_old_prices_of_live_streams_are_fetched_but_nothing_is_called_fallback(tick: _Tick) -> None:
    tick.stream(LIVE, *SYMBOLS)
    tick.clock.advance(6)

    served = tick.serve()
    assert served.asked_rest == "no price of the stream younger than 5 s of BTC/USDT, ETH/USDT"
    assert tick.states() == [LIVE, LIVE]


def test_a_dead_process_is_noticed_by_its_heartbeat(tick: _Tick) -> None:
    tick.stream(LIVE, *SYMBOLS)
    tick.clock.advance(11)

    assert "hasn't reported since 00:00:00" in tick.serve().asked_rest
    assert tick.states() == [FALLBACK, FALLBACK]


def test_what_is_being_connected_is_served_by_rest_however_young_its_price(tick: _Tick) -> None:
    tick.stream(LIVE, *SYMBOLS)
    tick.clock.advance(0.1)
    tick.stream(CONNECTING, SYMBOLS[1])

    served = tick.serve()

    assert served.asked_rest == f"{SYMBOLS[1]}: it is connecting"
    assert {ticker.source for ticker in served.tickers} == {"rest"}
    assert tick.states() == [LIVE, FALLBACK]


def test_before_the_first_report_rest_serves(tick: _Tick) -> None:
    assert "hasn't reported yet" in tick.serve().asked_rest
    assert tick.streams.statuses() == {}


def test_without_stream_and_without_rest_the_tick_fails(tick: _Tick) -> None:
    tick.stream(STALE, *SYMBOLS)
    tick.feed.is_silent = True

    with pytest.raises(RetryLater):
        tick.serve()
    assert tick.states() == [STALE, STALE]
