"""The ccxt adapters under contract: against the simulated exchange, and against other dialects as documented."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.simulated_exchange.clock import SimulatedVenueClock
from trading_platform.adapters.simulated_exchange.control import SimulatorControl
from trading_platform.domain.candle import Candle
from trading_platform_tests.contracts.sites import BrokerSite, FeedSite
from trading_platform_tests.support.examples import MINUTE, SYMBOL, candle
from trading_platform_tests.support.scripted_server import Answer, scripted_server
from trading_platform_tests.support.simulated import ACCOUNT, SimulatedExchange, simulated_exchange
from trading_platform_tests.support.simulated_access import access_to
from trading_platform_tests.support.venues import kraken, okx

_SHOWN = 20


@contextmanager
def ccxt_feed() -> Iterator[FeedSite]:
    """A market that stands still, so that what it knows can be compared."""
    with simulated_exchange(step=True) as venue:
        control = SimulatorControl(venue.base_url)
        now = SimulatedVenueClock(control).read().now
        klines = venue.on_server_thread(lambda exchange: exchange.klines("BTCUSDT", "1m", limit=_SHOWN))
        closed = [
            Candle(_moment(kline.open_time_ms), kline.open, kline.high, kline.low, kline.close, kline.volume)
            for kline in klines
            if kline.closed
        ]
        yield FeedSite(
            CcxtMarketFeed(CcxtClient(access_to(venue))),
            SYMBOL,
            MINUTE,
            closed,
            now,
            lambda: _set(control, "rest_mute", shape="503"),
        )


@contextmanager
def kraken_feed() -> Iterator[FeedSite]:
    """Kraken, as its documentation has it."""
    with _recorded_feed("kraken", "BTC/USD", kraken.teach) as site:
        yield site


@contextmanager
def okx_feed() -> Iterator[FeedSite]:
    """OKX, as its documentation has it."""
    with _recorded_feed("okx", "BTC/USDT", okx.teach) as site:
        yield site


@contextmanager
def _recorded_feed(exchange_id: str, symbol: str, teach: Callable[..., None]) -> Iterator[FeedSite]:
    now = datetime.now(UTC)
    candles = recent_candles(now, _SHOWN)
    with scripted_server() as server:
        teach(server, candles, now)

        def silence() -> None:
            server.script = dict.fromkeys(server.script, Answer("<html>busy</html>", 503))

        access = VenueAccess(exchange_id, exchange_id, 1.0, 1.0, base_url=server.base_url)
        yield FeedSite(CcxtMarketFeed(CcxtClient(access)), symbol, MINUTE, candles[:-1], now, silence)


def recent_candles(now: datetime, number: int) -> list[Candle]:
    """So many candles of one minute up to the one in progress, with more digits than a float keeps."""
    first = MINUTE.floor(now) - (number - 1) * MINUTE.length
    return [
        replace(candle(0, f"84705.{index:05d}123456789"), open_time=first + index * MINUTE.length)
        for index in range(number)
    ]


@contextmanager
def ccxt_broker() -> Iterator[BrokerSite]:
    """An account with enough money for small orders."""
    with simulated_exchange() as venue:
        control = SimulatorControl(venue.base_url)

        def lose_next_answer(taken: bool) -> None:
            if taken:
                control.add_fault("lose_answer", shape="cut", count=1)
            else:
                control.add_fault("status", status=502, endpoint="order_placement", count=1)

        [ticker] = CcxtMarketFeed(CcxtClient(access_to(venue))).tickers([SYMBOL])
        yield BrokerSite(
            CcxtBroker(CcxtClient(access_to(venue))),
            SYMBOL,
            Decimal("0.00100"),
            ticker.bid,
            lose_next_answer,
            lambda: _set(control, "partial_fill", fraction="0.5", count=1),
            lambda: _set(control, "outage"),
            lambda asset, amount: _transfer(venue, asset, amount),
            lambda: venue.control.post("key_permissions", {"withdraw": True}),
            lambda: _set(control, "close_market", symbol="BTCUSDT"),
        )


def _transfer(venue: SimulatedExchange, asset: str, amount: Decimal) -> None:
    call = "deposit" if amount > 0 else "withdraw"
    venue.control.post(call, {"account": ACCOUNT, "asset": asset, "amount": str(abs(amount))})


def _set(control: SimulatorControl, kind: str, **details: object) -> None:
    control.add_fault(kind, **details)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
