"""Accounts whose orders tell of themselves, each with the handles of the venue behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.order_news import CcxtOrderNews
from trading_platform.domain.order import OrderKind, OrderRequest, Side
from trading_platform.ports.order_news import OrderNewsStream
from trading_platform_tests.fakes import FakeOrderNews
from trading_platform_tests.support.examples import SYMBOL
from trading_platform_tests.support.simulated import simulated_exchange
from trading_platform_tests.support.simulated_access import access_to


@dataclass(frozen=True)
class NewsSite:
    """A stream of news, and what can be done at the venue; all of it blocks.

    Parameters
    ----------
    place, cancel
        An order that rests, by its client id.
    cut
        Break the connection; a new one may be made.
    misbehave
        Set a fault of the simulated exchange; the fake has none.
    """

    news: OrderNewsStream
    place: Callable[[str], object]
    cancel: Callable[[str], object]
    cut: Callable[[], object]
    misbehave: Callable[..., object] = lambda: None


@contextmanager
def fake_news() -> Iterator[NewsSite]:
    """A venue in memory."""
    news = FakeOrderNews()
    yield NewsSite(news, news.tell, news.tell, news.connect)


@contextmanager
def ccxt_news() -> Iterator[NewsSite]:
    """The simulated exchange's user data."""
    with simulated_exchange() as venue:
        access = access_to(venue)
        client = CcxtClient(access)
        broker, [ticker] = CcxtBroker(client), CcxtMarketFeed(client).tickers([SYMBOL])
        low = (ticker.bid * Decimal("0.9")).quantize(Decimal("0.01"))

        def place(name: str) -> None:
            broker.submit(OrderRequest(name, SYMBOL, Side.BUY, Decimal("0.001"), OrderKind.LIMIT, low))

        yield NewsSite(
            CcxtOrderNews(CcxtClient(access)),
            place,
            lambda name: broker.cancel(SYMBOL, name),
            lambda: venue.control.fault("drop", channel="ws-api", close_code=0, count=1),
            venue.control.fault,
        )
