"""Paper trading on a real venue: its prices and rules, no key of it; another simulated exchange plays the venue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import ccxt
import pytest

from trading_platform.adapters.ccxt_exchange import make_market_feed, make_paper_market
from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.domain.errors import FixSettings, OrderRejected, RetryLater
from trading_platform.domain.order import OrderRequest, OrderStatus, Side
from trading_platform.settings import Settings, load_settings
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.simulated_access import access_to

pytestmark = pytest.mark.integration

SYMBOL = "ETH/USDT"


@pytest.fixture(scope="module")
def real() -> Iterator[SimulatedExchange]:
    """The real venue, whose market stands still."""
    with simulated_exchange(step=True) as venue:
        yield venue


@pytest.fixture
def settings(real: SimulatedExchange) -> Settings:
    real.control.clear_faults()
    return load_settings({"venue": {"name": "binance", "base_url": real.base_url}})


@pytest.fixture
def paper(settings: Settings) -> Iterator[CcxtBroker]:
    """An account at the exchange that matches paper orders; its quotes never age, as the venue's time stands still."""
    market = make_paper_market(settings)
    ageless = type(market)(
        market.venue,
        market.symbols,
        market.fetch_quotes,
        poll_seconds=0.05,
        max_quote_age_seconds=1e9,
        rules=market.rules,
    )
    with simulated_exchange(market=ageless, balances={"USDT": Decimal("84.54")}) as venue:
        broker = CcxtBroker(CcxtClient(access_to(venue)))
        eventually(lambda: venue.ccxt_sync().fetch_bids_asks([SYMBOL]))
        yield broker


def eventually(happens: Callable[[], object]) -> None:
    for _ in range(200):
        try:
            if happens():
                return
        except ccxt.BaseError:
            time.sleep(0.02)
    raise AssertionError("it never happened")


def test_the_venues_rules_hold(real: SimulatedExchange, paper: CcxtBroker) -> None:
    own = CcxtBroker(CcxtClient(access_to(real))).instruments([SYMBOL])[SYMBOL]
    there = paper.instruments([SYMBOL])[SYMBOL]
    for name in ("tick_size", "lot_step", "min_quantity", "max_quantity", "min_notional_quote"):
        assert getattr(there, name) == getattr(own, name), name


def test_orders_fill_at_the_venues_prices(settings: Settings, paper: CcxtBroker) -> None:
    (ticker,) = make_market_feed(settings).tickers([SYMBOL])
    quantity = Decimal("0.0100")
    bought = paper.submit(OrderRequest("tpbuy", SYMBOL, Side.BUY, quantity))
    assert bought.status is OrderStatus.FILLED
    assert {fill.price for fill in bought.fills} == {ticker.ask}
    held = paper.balances()
    assert held["USDT"].total == Decimal("84.54") - quantity * ticker.ask
    sold = paper.submit(OrderRequest("tpsell", SYMBOL, Side.SELL, Decimal("0.0099")))
    assert {fill.price for fill in sold.fills} == {ticker.bid}


def test_no_order_without_quotes(settings: Settings) -> None:
    """A venue that has gone silent leaves quotes that age; the account refuses rather than invent a price."""
    market = make_paper_market(settings)
    silent = type(market)(market.venue, market.symbols, lambda _: [], rules=market.rules)
    with simulated_exchange(market=silent) as venue:
        broker = CcxtBroker(CcxtClient(access_to(venue)))
        with pytest.raises(OrderRejected, match="closed"):
            broker.submit(OrderRequest("tpbuy", SYMBOL, Side.BUY, Decimal("0.0100")))


def test_a_symbol_that_the_venue_does_not_trade(real: SimulatedExchange) -> None:
    settings = load_settings(
        {"venue": {"name": "binance", "base_url": real.base_url}, "market": {"symbols": ["DOGE/USDT"]}}
    )
    with pytest.raises(FixSettings, match="DOGE/USDT"):
        make_paper_market(settings)
    others = make_paper_market(settings, held=["ETH/USDT"])  # whose market mustn't be closed by it
    assert others.symbols == ("ETHUSDT",)
    assert [quote.symbol for quote in others.fetch_quotes(["DOGEUSDT", "ETHUSDT"])] == ["ETHUSDT"]


def test_a_venue_that_does_not_answer(real: SimulatedExchange, settings: Settings) -> None:
    real.control.fault("outage")
    with pytest.raises(RetryLater):
        make_paper_market(settings)
