"""The platform's feed and clocks against the simulated exchange, on recorded candles where they are at hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.clock import CcxtVenueClock
from trading_platform.adapters.ccxt_exchange.clock_offset import CcxtClockOffset
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.simulated_exchange.clock import SimulatedVenueClock
from trading_platform.adapters.simulated_exchange.control import SimulatorControl
from trading_platform.domain.candle import Candle, Interval, find_gaps
from trading_platform.domain.errors import FixSettings, RetryLater, WaitUntilAllowed
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform_tests.support.archives import archive_rows, recorded_or_synthetic, write_archive
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.simulated_access import access_to

pytestmark = pytest.mark.integration

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
MINUTE = Interval.parse("1m")


def feed_of(venue: SimulatedExchange) -> CcxtMarketFeed:
    return CcxtMarketFeed(CcxtClient(access_to(venue)))


def candle_of(row: dict[str, str]) -> Candle:
    values = (Decimal(row[name]) for name in ("open", "high", "low", "close", "volume"))
    return Candle(datetime.fromtimestamp(int(row["open_time"]) / 1000, UTC), *values)


def test_candles_equal_the_archives_rows_exactly(tmp_path: Path) -> None:
    folder = recorded_or_synthetic("2025-03", tmp_path)
    with simulated_exchange(market=ArchiveMarketConfig(folder), step=True, warmup_candles=1200) as venue:
        now = SimulatedVenueClock(SimulatorControl(venue.base_url)).read().now
        feed = feed_of(venue)
        for symbol in SYMBOLS:
            rows = archive_rows(folder / f"{symbol.replace('/', '')}-1m.csv.gz")[:1300]
            closed = [candle for candle in map(candle_of, rows) if MINUTE.close_of(candle.open_time) <= now]
            assert len(closed) >= 1199
            first = feed.candles(symbol, MINUTE, closed[0].open_time, 1000)
            rest = feed.candles(symbol, MINUTE, first[-1].open_time + MINUTE.length, 1000)
            got = [candle for candle in first + rest if MINUTE.close_of(candle.open_time) <= now]
            assert got == closed


def test_a_gap_stays_a_gap(tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "gap", candles=700, without=range(300, 310))
    with simulated_exchange(market=ArchiveMarketConfig(folder), step=True, warmup_candles=600) as venue:
        start = candle_of(archive_rows(folder / "BTCUSDT-1m.csv.gz")[0]).open_time
        candles = feed_of(venue).candles("BTC/USDT", MINUTE, start, 1000)
        (gap,) = find_gaps([candle.open_time for candle in candles], MINUTE)
        assert gap.first_missing == start + 300 * MINUTE.length
        assert gap.candles == 10


def test_tickers_of_all_symbols(venue: SimulatedExchange) -> None:
    found = feed_of(venue).tickers(SYMBOLS)
    assert [ticker.symbol for ticker in found] == list(SYMBOLS)
    assert all(0 < ticker.bid < ticker.ask for ticker in found)
    for ticker in found:
        assert ticker.bid <= ticker.last <= ticker.ask
        assert ticker.venue_time <= ticker.received_at


@pytest.mark.parametrize("shape", ["truncated", "empty", "html", "not_utf8"])
def test_a_malformed_answer_is_for_later_and_the_next_is_fine(venue: SimulatedExchange, shape: str) -> None:
    feed = feed_of(venue)
    feed.tickers(SYMBOLS)
    venue.control.fault("malformed", shape=shape, endpoint="market", count=2)
    with pytest.raises(RetryLater):
        feed.tickers(SYMBOLS)
    assert len(feed.tickers(SYMBOLS)) == 3


@pytest.mark.parametrize("status", [429, 418])
def test_a_venue_that_asks_for_silence_gets_it(venue: SimulatedExchange, status: int) -> None:
    feed = feed_of(venue)
    feed.tickers(SYMBOLS)
    venue.control.fault("status", status=status, retry_after=9, endpoint="market")
    with pytest.raises(WaitUntilAllowed) as refusal:
        feed.tickers(SYMBOLS)
    assert refusal.value.retry_after_seconds == 9
    (fault,) = venue.control.get("faults")
    assert fault["hits"] == 1


def test_an_outage_and_its_end(venue: SimulatedExchange) -> None:
    feed = feed_of(venue)
    venue.control.fault("outage")
    with pytest.raises(RetryLater):
        feed.tickers(SYMBOLS)
    venue.control.clear_faults()
    assert len(feed.tickers(SYMBOLS)) == 3


def test_an_interval_finer_than_the_market_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with simulated_exchange() as venue, pytest.raises(FixSettings, match="market"):
        feed_of(venue).candles("BTC/USDT", Interval(1, "1s"), datetime.now(UTC), 10)


def test_a_real_venues_clock_is_measured_and_never_ahead(venue: SimulatedExchange) -> None:
    venue.control.fault("clock_skew", skew_ms=-90_000)
    reading = CcxtVenueClock(CcxtClockOffset(CcxtClient(access_to(venue)))).read()
    behind = reading.wall - reading.now
    assert timedelta(seconds=90) <= behind < timedelta(seconds=91)
    assert reading.speed == 1


def test_a_venue_that_never_told_its_time(venue: SimulatedExchange) -> None:
    clock = CcxtVenueClock(CcxtClockOffset(CcxtClient(access_to(venue))))
    venue.control.fault("outage")
    with pytest.raises(RetryLater):
        clock.read()
    venue.control.clear_faults()
    assert clock.read().now <= datetime.now(UTC)
