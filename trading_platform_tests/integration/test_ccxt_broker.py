"""The platform's broker against the simulated exchange at its worst: no order is lost, none is sent twice."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.domain.errors import (
    AskTheVenue,
    FixSettings,
    OrderNotKnown,
    OrderRejected,
    PlatformError,
    RetryLater,
    WaitUntilAllowed,
)
from trading_platform.domain.order import OrderReport, OrderRequest, OrderStatus, Side
from trading_platform.simulator.limits import LimitSettings
from trading_platform.simulator.server import ServerSettings
from trading_platform_tests.support.simulated import ACCOUNT, SimulatedExchange, simulated_exchange
from trading_platform_tests.support.simulated_access import access_to

pytestmark = pytest.mark.integration

SYMBOL, WIRE_SYMBOL = "BTC/USDT", "BTCUSDT"
_numbers = count(1)


@pytest.fixture
def broker(venue: SimulatedExchange) -> CcxtBroker:
    return CcxtBroker(CcxtClient(access_to(venue)))


@pytest.fixture
def hasty(venue: SimulatedExchange) -> CcxtBroker:
    """A broker that waits 0.3 s for the answer to an order, in which the exchange has long taken it."""
    broker = CcxtBroker(CcxtClient(access_to(venue, send_timeout_seconds=0.3)))
    broker.instruments([SYMBOL])
    return broker


def request(quantity: str = "0.00100", side: Side = Side.BUY) -> OrderRequest:
    return OrderRequest(f"tp{next(_numbers):030d}", SYMBOL, side, Decimal(quantity))


def orders_at(venue: SimulatedExchange, client_order_id: str) -> int:
    orders = venue.on_server_thread(lambda exchange: exchange.all_orders(ACCOUNT, WIRE_SYMBOL, limit=1000))
    return sum(order.client_order_id == client_order_id for order in orders)


def find_when_it_is_there(broker: CcxtBroker, client_order_id: str) -> OrderReport:
    """Ask as the platform does, again and again."""
    for _ in range(200):
        try:
            return broker.find(SYMBOL, client_order_id)
        except OrderNotKnown:
            time.sleep(0.02)
    raise AssertionError("the held order never arrived")


@pytest.mark.parametrize("shape", ["cut", "cut_body", "truncated", "empty", "504", "hang"])
def test_an_order_whose_answer_is_lost_is_found(venue: SimulatedExchange, hasty: CcxtBroker, shape: str) -> None:
    venue.control.fault("lose_answer", shape=shape, count=1)
    sent = request()
    with pytest.raises(AskTheVenue):
        hasty.submit(sent)
    report = hasty.find(SYMBOL, sent.client_order_id)
    assert report.status is OrderStatus.FILLED
    assert sum(fill.quantity for fill in report.fills) == sent.quantity
    assert orders_at(venue, sent.client_order_id) == 1


@pytest.mark.parametrize("shape", ["cut", "504", "hang"])
def test_an_order_that_arrives_late_is_not_known_until_then(
    venue: SimulatedExchange, hasty: CcxtBroker, shape: str
) -> None:
    venue.control.fault("hold_order", shape=shape, hold_seconds=0.6, count=1)
    sent = request()
    with pytest.raises(AskTheVenue):
        hasty.submit(sent)
    with pytest.raises(OrderNotKnown):
        hasty.find(SYMBOL, sent.client_order_id)
    assert find_when_it_is_there(hasty, sent.client_order_id).status is OrderStatus.FILLED
    assert orders_at(venue, sent.client_order_id) == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 429, "code": -1003, "message": "Too many requests.", "retry_after": 7}, WaitUntilAllowed),
        ({"status": 418, "code": -1003, "message": "IP banned.", "retry_after": 7}, WaitUntilAllowed),
        ({"status": 500}, AskTheVenue),
        ({"status": 502}, AskTheVenue),
        ({"status": 503, "code": -1008, "message": "overloaded"}, AskTheVenue),
        ({"status": 403}, AskTheVenue),
        ({"status": 400, "code": -2010, "message": "Market is closed."}, OrderRejected),
    ],
)
def test_a_refused_order_leaves_nothing_behind(
    venue: SimulatedExchange, broker: CcxtBroker, fault: dict[str, object], expected: type[PlatformError]
) -> None:
    venue.control.fault("status", endpoint="order_placement", count=1, **fault)
    sent = request()
    with pytest.raises(expected):
        broker.submit(sent)
    another = CcxtBroker(CcxtClient(access_to(venue)))
    with pytest.raises(OrderNotKnown):
        another.find(SYMBOL, sent.client_order_id)
    assert orders_at(venue, sent.client_order_id) == 0


@pytest.mark.parametrize(
    ("quantity", "side", "code"),
    [("0.00001", Side.BUY, "-1013"), ("0.000000012", Side.BUY, "-1111"), ("8000", Side.SELL, "-1013")],
)
def test_the_exchanges_own_rules_reject(broker: CcxtBroker, quantity: str, side: Side, code: str) -> None:
    with pytest.raises(OrderRejected) as rejection:
        broker.submit(request(quantity, side))
    assert rejection.value.code == code


def test_money_that_is_not_there(broker: CcxtBroker) -> None:
    with pytest.raises(OrderRejected, match="insufficient balance") as rejection:
        broker.submit(request("1.00000"))
    assert rejection.value.code == "-2010"


def test_an_open_orders_id_cannot_be_used_again(venue: SimulatedExchange, broker: CcxtBroker) -> None:
    """The duplicate isn't a refusal of the order of that id, which exists."""
    client = venue.ccxt_sync()
    sent = request()
    client.create_order(SYMBOL, "limit", "buy", 0.001, 70_000, {"clientOrderId": sent.client_order_id})
    with pytest.raises(AskTheVenue, match="Duplicate"):
        broker.submit(sent)
    assert broker.find(SYMBOL, sent.client_order_id).status is OrderStatus.OPEN
    assert broker.cancel(SYMBOL, sent.client_order_id).status is OrderStatus.CANCELLED


def test_a_partly_filled_market_order_ends_expired(venue: SimulatedExchange, broker: CcxtBroker) -> None:
    venue.control.fault("partial_fill", fraction="0.4", count=1)
    sent = request("0.00100")
    report = broker.submit(sent)
    assert report.status is OrderStatus.EXPIRED
    assert report.filled_quantity == sum(fill.quantity for fill in report.fills) == Decimal("0.00040")
    assert broker.find(SYMBOL, sent.client_order_id) == report


def test_a_large_order_takes_several_levels(broker: CcxtBroker, venue: SimulatedExchange) -> None:
    before = broker.balances()
    sent = request("0.90000", Side.SELL)
    report = broker.submit(sent)
    assert len(report.fills) > 1
    assert len({fill.venue_trade_id for fill in report.fills}) == len(report.fills)
    assert broker.find(SYMBOL, sent.client_order_id) == report
    received = sum(fill.quote_amount - fill.fee for fill in report.fills)
    assert broker.balances()["USDT"].total == before["USDT"].total + received
    assert all(asset["balanced"] for asset in venue.control.get("audit").values())


def test_a_clock_that_is_off_is_a_refusal(venue: SimulatedExchange, broker: CcxtBroker) -> None:
    broker.instruments([SYMBOL])
    venue.control.fault("clock_skew", skew_ms=60_000)
    with pytest.raises(OrderRejected) as rejection:
        broker.submit(request())
    assert rejection.value.code == "-1021"
    with pytest.raises(RetryLater, match="-1021"):
        broker.balances()


@pytest.mark.parametrize("wrong", [{"api_key": SecretStr("wrong")}, {"api_secret": SecretStr("wrong")}])
def test_a_wrong_key_is_for_the_owner_to_mend(venue: SimulatedExchange, wrong: dict[str, Any]) -> None:
    broker = CcxtBroker(CcxtClient(dataclasses.replace(access_to(venue), **wrong)))
    with pytest.raises(FixSettings, match="API key"):
        broker.balances()
    with pytest.raises(FixSettings, match="API key"):
        broker.submit(request())


def test_the_exchanges_own_limit_says_how_long_to_wait() -> None:
    limits = LimitSettings(weight_per_minute=50)
    with simulated_exchange(settings=ServerSettings(limits=limits)) as narrow:
        broker = CcxtBroker(CcxtClient(access_to(narrow)))
        broker.balances()
        broker.balances()
        with pytest.raises(WaitUntilAllowed) as refusal:
            broker.balances()
    assert 1 <= refusal.value.retry_after_seconds <= 60


def test_the_client_survives_the_exchanges_restart(tmp_path: Path) -> None:
    """A new process behind the same address knows the same orders; the old connection is given up."""
    books = tmp_path / "exchange.sqlite3"
    sent = request()
    with simulated_exchange(database_path=books) as first:
        broker = CcxtBroker(CcxtClient(access_to(first)))
        report = broker.submit(sent)
        port = first.port
    with pytest.raises(RetryLater):
        broker.find(SYMBOL, sent.client_order_id)
    with simulated_exchange(database_path=books, port=port):
        assert broker.find(SYMBOL, sent.client_order_id) == report


@pytest.fixture(scope="module", autouse=True)
def _quick_retries() -> Iterator[None]:
    """Nothing here depends on how long a second reading waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trading_platform.adapters.ccxt_exchange.client._REPEAT_WAIT_SECONDS", 0.0)
        yield
