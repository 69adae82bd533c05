"""Feeds and brokers under contract, each with a venue behind it that the suite can look at and disturb.

An adapter joins with a context manager that yields its site, entered in the conftest's `FEED_SITES` or `BROKER_SITES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.broker import Broker
from trading_platform.ports.market_feed import MarketFeed
from trading_platform_tests.fakes import FakeBroker, FakeClock, FakeMarketFeed
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.support.examples import MINUTE, SYMBOL, candle, instrument, minutes

HELD = 30


@dataclass(frozen=True)
class FeedSite:
    """A feed, and what the venue behind it knows.

    Parameters
    ----------
    closed
        At least the newest ten closed candles that the venue has of the symbol, ascending, without holes.
    now
        The venue's clock.
    silence
        Make the venue stop answering.
    """

    feed: MarketFeed
    symbol: str
    interval: Interval
    closed: Sequence[Candle]
    now: datetime
    silence: Callable[[], None]


@dataclass(frozen=True)
class BrokerSite:
    """A broker, and the handles of the venue behind it.

    Parameters
    ----------
    symbol, quantity
        Something that the account can buy at once and sell again.
    price
        About what the symbol costs now.
    lose_next_answer
        Lose the answer to the next order: True if the venue shall take the order nevertheless.
    fill_next_partly
        Let the next order fill by about half; whether the rest stays open or expires is the venue's custom.
    silence
        Make the venue stop answering.
    transfer
        Let an amount of an asset come, or (negative) go.
    let_key_withdraw
        Give the API key a right that it should not have.
    close_market
        Let the venue take no orders of the symbol any more.
    """

    broker: Broker
    symbol: str
    quantity: Decimal
    price: Decimal
    lose_next_answer: Callable[[bool], None]
    fill_next_partly: Callable[[], None]
    silence: Callable[[], None]
    transfer: Callable[[str, Decimal], None]
    let_key_withdraw: Callable[[], None]
    close_market: Callable[[], None]


@contextmanager
def fake_feed() -> Iterator[FeedSite]:
    """A venue in memory."""
    clock = FakeClock(minutes(HELD + 0.5))
    feed = FakeMarketFeed(clock)
    candles = [candle(minute) for minute in range(HELD + 10)]
    feed.add_candles(SYMBOL, MINUTE, candles)
    yield FeedSite(feed, SYMBOL, MINUTE, candles[:HELD], clock.read().now, lambda: setattr(feed, "is_silent", True))


@contextmanager
def fake_broker() -> Iterator[BrokerSite]:
    """An account in memory."""
    broker = FakeBroker(
        FakeClock(minutes(0)), [instrument()], {"USDT": Decimal("84.54")}, {SYMBOL: Decimal("50000.00")}
    )
    yield BrokerSite(
        broker,
        SYMBOL,
        Decimal("0.00100"),
        Decimal("50000.00"),
        lambda taken: broker.misbehave(Misbehaviour(lose_answer=True, never_arrives=not taken)),
        lambda: broker.misbehave(Misbehaviour(fill_share=Decimal("0.5"))),
        lambda: setattr(broker, "is_silent", True),
        lambda asset, amount: broker.deposit(**{asset: amount}),
        lambda: setattr(broker, "permissions", replace(broker.permissions, can_withdraw=True)),
        lambda: broker.closed.add(SYMBOL),
    )
