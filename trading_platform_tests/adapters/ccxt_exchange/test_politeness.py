"""Within the limits, silent when asked to be, not asking what doesn't answer — and exits all the same."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.request_costs import stated_limits
from trading_platform.adapters.circuit_breaker import BreakerState
from trading_platform.domain.errors import AskTheVenue, RetryLater, WaitUntilAllowed
from trading_platform.domain.order import OrderRequest, Side
from trading_platform.domain.request_limits import RequestGroup
from trading_platform_tests.adapters.ccxt_exchange.conftest import account, symbol_info
from trading_platform_tests.fakes import FakeRequestBudget
from trading_platform_tests.support.scripted_server import Answer, ScriptedServer, json_answer, refusal

EXCHANGE_INFO, ACCOUNT = ("GET", "/api/v3/exchangeInfo"), ("GET", "/api/v3/account")
ORDER, PLACE = ("GET", "/api/v3/order"), ("POST", "/api/v3/order")
TICKERS, AGG_TRADES = ("GET", "/api/v3/ticker/24hr"), ("GET", "/api/v3/aggTrades")
SYMBOL = "BTC/USDT"


def limit(kind: str, interval: str, number: int, amount: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": amount}


LIMITS = [
    limit("REQUEST_WEIGHT", "MINUTE", 1, 6000),
    limit("ORDERS", "SECOND", 10, 100),
    limit("ORDERS", "DAY", 1, 200_000),
    limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_platform.adapters.ccxt_exchange.client._REPEAT_WAIT_SECONDS", 0.0)


@pytest.fixture
def budget() -> FakeRequestBudget:
    return FakeRequestBudget()


@pytest.fixture
def polite(client: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget) -> CcxtClient:
    """A client of a venue that states its limits, on the budget's time."""
    server.script[EXCHANGE_INFO] = {
        "rateLimits": LIMITS,
        "symbols": [symbol_info("BTCUSDT", "BTC", "USDT"), symbol_info("ETHUSDT", "ETH", "USDT")],
    }
    return CcxtClient(client.access, lambda: budget.seconds, budget)


def costs(budget: FakeRequestBudget) -> dict[str, float]:
    """Of all that was taken."""
    total: dict[str, float] = {}
    for _, charge in budget.taken:
        total[charge.limit.name] = total.get(charge.limit.name, 0) + charge.cost
    return total


def test_limits_are_those_the_venue_states() -> None:
    found = stated_limits([*LIMITS, {"rateLimitType": "ODD"}, None])
    assert {name.name for limits in found.values() for name in limits} == {
        "request_weight_60s",
        "orders_10s",
        "orders_86400s",
        "raw_requests_300s",
    }
    [weight] = found["REQUEST_WEIGHT"]
    assert (weight.burst, weight.per_second) == (3000, 50)


@pytest.mark.parametrize(
    ("call", "answers", "weight"),
    [
        (lambda e: e.fetch_tickers([SYMBOL]), {TICKERS: []}, 2),
        (lambda e: e.fetch_tickers([SYMBOL] * 25), {TICKERS: []}, 40),
        (lambda e: e.fetch_tickers(), {TICKERS: []}, 80),
        (lambda e: e.fetch_ohlcv(SYMBOL, "1m"), {("GET", "/api/v3/klines"): []}, 2),
        (lambda e: e.fetch_trades(SYMBOL), {AGG_TRADES: []}, 4),
        (lambda e: e.fetch_order_book(SYMBOL, 1000), {("GET", "/api/v3/depth"): {"bids": [], "asks": []}}, 50),
        (lambda e: e.privateGetAccount(), {}, 20),
    ],
)
def test_requests_cost_what_the_venue_says(
    polite: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget, call: Any, answers: Any, weight: float
) -> None:
    server.script.update(answers)
    polite.markets()
    budget.taken.clear()
    polite.read("something", call)
    assert costs(budget) == {"request_weight_60s": weight, "raw_requests_300s": 1}


def test_an_order_counts_as_one(polite: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget) -> None:
    server.script[PLACE] = refusal(-2010, "Account has insufficient balance for requested action.")
    polite.markets()
    budget.taken.clear()
    with pytest.raises(Exception, match="insufficient"):
        CcxtBroker(polite).submit(OrderRequest("tp1", SYMBOL, Side.BUY, Decimal(1)))
    assert costs(budget) == {"request_weight_60s": 1, "raw_requests_300s": 1, "orders_10s": 1, "orders_86400s": 1}


def test_before_the_venue_has_stated_its_limits_ccxts_pace_counts(
    polite: CcxtClient, budget: FakeRequestBudget
) -> None:
    CcxtBroker(polite).balances()
    assert costs(budget) == {"pace": 4}
    assert {venue for venue, _ in budget.taken} == {polite.access.base_url}


def test_market_data_can_never_starve_an_exit(
    polite: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget
) -> None:
    server.script[PLACE] = refusal(-2010, "The order was looked at.")
    polite.markets()
    server.script[TICKERS] = []
    for _ in range(30):  # of 80 each, in four fifths of 3000
        polite.read("all tickers", lambda exchange: exchange.fetch_tickers())
    with pytest.raises(WaitUntilAllowed, match="left alone"):
        polite.read("all tickers", lambda exchange: exchange.fetch_tickers())
    with pytest.raises(Exception, match="looked at"):
        CcxtBroker(polite).submit(OrderRequest("tp1", SYMBOL, Side.SELL, Decimal(1)))
    assert CcxtBroker(polite).balances()["USDT"].total == Decimal("84.54")


def test_the_venues_own_count_is_believed(
    polite: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget
) -> None:
    """Another program uses the same address."""
    server.script[ACCOUNT] = json_answer(account(USDT="1"), X_MBX_USED_WEIGHT_1M="5990")
    server.script[TICKERS] = []
    polite.markets()
    broker = CcxtBroker(polite)
    broker.balances()
    with pytest.raises(WaitUntilAllowed):
        broker.balances()
    with pytest.raises(WaitUntilAllowed):
        polite.read("tickers", lambda exchange: exchange.fetch_tickers([SYMBOL]))
    budget.seconds += 60
    assert "USDT" in broker.balances()


def test_one_processs_silence_is_everyones(
    polite: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget
) -> None:
    other = CcxtBroker(CcxtClient(polite.access, lambda: budget.seconds, budget))
    server.script[TICKERS] = refusal(-1003, "Too many requests.", 429, Retry_After="20")
    with pytest.raises(WaitUntilAllowed):
        CcxtMarketFeed(polite).tickers([SYMBOL])
    sent = len(server.received)
    with pytest.raises(WaitUntilAllowed, match="20 s more"):
        other.balances()
    assert len(server.received) == sent
    budget.seconds += 20
    assert "USDT" in other.balances()


def silent(server: ScriptedServer) -> None:
    server.script = dict.fromkeys(server.script, Answer("<html>busy</html>", 503))


def fails_until_paused(polite: CcxtClient) -> None:
    for _ in range(3):
        with pytest.raises(RetryLater):
            CcxtMarketFeed(polite).tickers([SYMBOL])
    assert polite.circuits()[RequestGroup.MARKET_DATA] is BreakerState.OPEN


def test_what_does_not_answer_is_left_alone_and_probed_once(
    polite: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget
) -> None:
    polite.markets()
    script = dict(server.script)
    silent(server)
    fails_until_paused(polite)
    sent = len(server.received)
    with pytest.raises(WaitUntilAllowed, match="hasn't answered"):
        CcxtMarketFeed(polite).tickers([SYMBOL])
    assert len(server.received) == sent
    budget.seconds += 1
    with pytest.raises(RetryLater):
        CcxtMarketFeed(polite).tickers([SYMBOL])
    assert len(server.received) == sent + 1
    budget.seconds += 2
    server.script = {**script, TICKERS: []}
    polite.read("tickers", lambda exchange: exchange.fetch_tickers([SYMBOL]))
    assert polite.circuits()[RequestGroup.MARKET_DATA] is BreakerState.CLOSED


def test_groups_fail_apart_and_a_refusal_is_an_answer(polite: CcxtClient, server: ScriptedServer) -> None:
    polite.markets()
    server.script[TICKERS] = Answer("<html>busy</html>", 503)
    fails_until_paused(polite)
    assert "USDT" in CcxtBroker(polite).balances()
    server.script[ORDER] = refusal(-2013, "Order does not exist.")
    for _ in range(10):
        with pytest.raises(Exception, match="does not exist"):
            CcxtBroker(polite).find(SYMBOL, "tp1")
    assert polite.circuits()[RequestGroup.ACCOUNT] is BreakerState.CLOSED


def test_exits_and_cancels_are_sent_though_orders_do_not_get_through(
    polite: CcxtClient, server: ScriptedServer
) -> None:
    broker = CcxtBroker(polite)
    broker.instruments([SYMBOL])
    silent(server)
    buy, sell = (OrderRequest("tp1", SYMBOL, side, Decimal(1)) for side in (Side.BUY, Side.SELL))
    for _ in range(5):
        with pytest.raises(AskTheVenue):
            broker.submit(buy)
    with pytest.raises(WaitUntilAllowed):
        broker.submit(buy)
    with pytest.raises(AskTheVenue):
        broker.submit(sell)
    with pytest.raises(AskTheVenue):
        broker.cancel(SYMBOL, "tp1")
    assert len(server.requests(*PLACE)) == 6


def test_an_exit_does_not_wait_for_rules_and_fees_to_be_read_again(
    polite: CcxtClient, server: ScriptedServer, budget: FakeRequestBudget
) -> None:
    broker = CcxtBroker(polite)
    known = broker.instruments([SYMBOL])
    silent(server)
    budget.seconds += 10_000
    assert broker.instruments([SYMBOL]) == known


def test_requests_go_side_by_side_up_to_the_bound(client: CcxtClient, server: ScriptedServer) -> None:
    together = threading.Barrier(3)
    polite = CcxtClient(replace(client.access, at_once=3, read_timeout_seconds=5))

    def klines(_: Any) -> Any:
        together.wait(5)
        return []

    server.script["GET", "/api/v3/klines"] = klines
    polite.markets()
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(
            lambda _: polite.read("candles", lambda exchange: exchange.fetch_ohlcv(SYMBOL, "1m")), range(3)
        )
        assert list(answers) == [[], [], []]
    assert len(server.requests(*EXCHANGE_INFO)) == 1
