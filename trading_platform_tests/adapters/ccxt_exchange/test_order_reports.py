"""Reports hold the venue's own fills to the last digit, or there is no report."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.order_reports import found_report, placed_report
from trading_platform.adapters.ccxt_exchange.order_requests import order_parameters
from trading_platform.domain.errors import AskTheVenue, OrderNotKnown, RetryLater
from trading_platform.domain.order import OrderKind, OrderListRequest, OrderRequest, OrderStatus, Side
from trading_platform_tests.support.scripted_server import Answer, InTurn, Received, ScriptedServer, refusal

ORDER, TRADES, LIST = "/api/v3/order", "/api/v3/myTrades", "/api/v3/orderList/oco"
SYMBOL, CLIENT_ID = "BTC/USDT", "tpabc"
LIST_REQUEST = OrderListRequest(
    "tllist",
    OrderRequest(CLIENT_ID, SYMBOL, Side.SELL, Decimal(1), OrderKind.STOP_LOSS, None, Decimal(82000)),
    OrderRequest("tptarget", SYMBOL, Side.SELL, Decimal(1), OrderKind.TAKE_PROFIT, Decimal(90000)),
)
TIME_MS = 1_741_000_000_123
TIME = datetime(2025, 3, 3, 11, 6, 40, 123_000, tzinfo=UTC)


def order(status: str, filled: str, **other: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": 7,
        "clientOrderId": CLIENT_ID,
        "executedQty": filled,
        "status": status,
        "transactTime": TIME_MS,
        "fills": [],
        **other,
    }


def trade(number: int, quantity: str) -> dict[str, Any]:
    return {
        "id": number,
        "tradeId": number,
        "price": "83000.10",
        "qty": quantity,
        "commission": "0.00000012",
        "commissionAsset": "BNB",
        "time": TIME_MS,
    }


@pytest.mark.parametrize(
    ("said", "filled", "status"),
    [
        ("NEW", "0", OrderStatus.OPEN),
        ("PENDING_NEW", "0", OrderStatus.OPEN),
        ("PARTIALLY_FILLED", "1", OrderStatus.PARTIALLY_FILLED),
        ("FILLED", "1", OrderStatus.FILLED),
        ("CANCELED", "0", OrderStatus.CANCELLED),
        ("CANCELED", "1", OrderStatus.CANCELLED),
        ("PENDING_CANCEL", "0", OrderStatus.OPEN),
        ("PENDING_CANCEL", "1", OrderStatus.PARTIALLY_FILLED),
        ("REJECTED", "0", OrderStatus.REJECTED),
        ("EXPIRED", "1", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", "0", OrderStatus.EXPIRED),
    ],
)
def test_every_status_has_its_meaning(said: str, filled: str, status: OrderStatus) -> None:
    trades = [trade(1, filled)] if filled != "0" else []
    assert found_report(SYMBOL, CLIENT_ID, order(said, filled), trades).status is status


@given(
    st.lists(
        st.tuples(*[st.decimals("0.00000001", "100000", places=8)] * 2, st.decimals(0, 10, places=8)),
        min_size=1,
        max_size=20,
    )
)
def test_fills_are_the_wires_own_decimals(rows: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    fills = [
        {**trade(number, str(quantity)), "price": str(price), "commission": str(fee)}
        for number, (price, quantity, fee) in enumerate(rows)
    ]
    filled = sum(quantity for _, quantity, _ in rows)
    placed = placed_report(SYMBOL, CLIENT_ID, order("FILLED", str(filled), fills=fills))
    found = found_report(SYMBOL, CLIENT_ID, order("FILLED", str(filled)), fills)
    assert [(fill.price, fill.quantity, fill.fee) for fill in placed.fills] == rows
    assert placed == found
    assert placed.filled_quantity == filled
    assert {fill.time for fill in placed.fills} == {TIME}
    assert [fill.venue_trade_id for fill in found.fills] == [str(number) for number in range(len(rows))]


@pytest.mark.parametrize(
    "answer",
    [
        order("FILLED", "2", fills=[trade(1, "1")]),
        order("FILLED", "1", fills=[trade(1, "1"), trade(2, "1")]),
        order("FILLED", "1", fills=None),
        order("FILLED", "1", fills=[None]),
        order("FILLED", "1", fills=[{**trade(1, "1"), "price": "NaN"}]),
        order("FILLED", "1", fills=[{**trade(1, "1"), "price": 83000.1}]),
        order("FILLED", "1", fills=[{**trade(1, "1"), "tradeId": None}]),
        order("SOLD", "0"),
        order("NEW", "0", clientOrderId="another"),
        order("NEW", "0", orderId=None),
        order("NEW", "0", transactTime="yesterday"),
        [],
        None,
    ],
)
def test_an_answer_with_a_flaw_is_no_report(answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        placed_report(SYMBOL, CLIENT_ID, answer)


def test_the_order_leaves_with_exact_numbers(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["POST", ORDER] = order("FILLED", "0.00000120", fills=[trade(1, "0.00000120")])
    broker.submit(OrderRequest(CLIENT_ID, SYMBOL, Side.SELL, Decimal("1.20E-6")))
    sent = server.requests("POST", ORDER)[0].parameters
    assert sent["quantity"] == "0.00000120"
    assert (sent["symbol"], sent["side"], sent["type"]) == ("BTCUSDT", "SELL", "MARKET")
    assert (sent["newClientOrderId"], sent["newOrderRespType"]) == (CLIENT_ID, "FULL")
    assert sent["recvWindow"] == "5000"


@pytest.mark.parametrize(
    ("kind", "limit", "stop", "wire"),
    [
        (OrderKind.MARKET, None, None, {"type": "MARKET"}),
        (OrderKind.LIMIT, "83000.10", None, {"type": "LIMIT", "price": "83000.10", "timeInForce": "GTC"}),
        (OrderKind.STOP_LOSS, None, "82000", {"type": "STOP_LOSS", "stopPrice": "82000"}),
        (
            OrderKind.STOP_LOSS,
            "81900",
            "82000",
            {"type": "STOP_LOSS_LIMIT", "price": "81900", "stopPrice": "82000", "timeInForce": "GTC"},
        ),
        (OrderKind.TAKE_PROFIT, "84000", None, {"type": "LIMIT_MAKER", "price": "84000"}),
        (OrderKind.TAKE_PROFIT, None, "84000", {"type": "TAKE_PROFIT", "stopPrice": "84000"}),
        (
            OrderKind.TAKE_PROFIT,
            "83900",
            "84000",
            {"type": "TAKE_PROFIT_LIMIT", "price": "83900", "stopPrice": "84000", "timeInForce": "GTC"},
        ),
    ],
)
def test_every_kind_has_its_form(kind: OrderKind, limit: str | None, stop: str | None, wire: dict[str, str]) -> None:
    prices = [None if price is None else Decimal(price) for price in (limit, stop)]
    sent = order_parameters(OrderRequest(CLIENT_ID, SYMBOL, Side.SELL, Decimal("0.001"), kind, *prices), "BTCUSDT")
    about_the_kind = {"type", "price", "stopPrice", "timeInForce"}
    assert {name: text for name, text in sent.items() if name in about_the_kind} == wire


def test_an_order_is_as_old_as_the_call_that_sends_it(
    server: ScriptedServer, client: CcxtClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for its turn, or through the computer's sleep, ages: the venue's window counts from the call on."""
    broker = CcxtBroker(client)
    broker.instruments([SYMBOL])
    client.about_exchange(lambda exchange: setattr(exchange, "nonce", lambda: 203_000))
    server.script["POST", ORDER] = order("FILLED", "1", fills=[trade(1, "1")])
    readings = iter([100.0, 103.5])
    monkeypatch.setattr("trading_platform.adapters.ccxt_exchange.broker.time", SimpleNamespace(time=readings.__next__))
    broker.submit(OrderRequest(CLIENT_ID, SYMBOL, Side.SELL, Decimal(1)))
    assert server.requests("POST", ORDER)[0].parameters["timestamp"] == "199500"


def test_a_list_is_as_old_as_the_call_that_sends_it(
    server: ScriptedServer, client: CcxtClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = CcxtBroker(client)
    broker.instruments([SYMBOL])
    client.about_exchange(lambda exchange: setattr(exchange, "nonce", lambda: 203_000))
    reports = [_listed(CLIENT_ID, "NEW"), _listed("tptarget", "NEW")]
    server.script["POST", LIST] = {"orderListId": 1, "orderReports": reports}
    readings = iter([100.0, 103.5])
    monkeypatch.setattr("trading_platform.adapters.ccxt_exchange.broker.time", SimpleNamespace(time=readings.__next__))
    broker.submit_list(LIST_REQUEST)
    assert server.requests("POST", LIST)[0].parameters["timestamp"] == "199500"


def _listed(client_order_id: str, status: str) -> dict[str, Any]:
    return {**order(status, "1" if status == "FILLED" else "0"), "clientOrderId": client_order_id}


def test_trades_that_lag_behind_the_order_are_asked_for_again(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", ORDER] = order("FILLED", "3")
    server.script["GET", TRADES] = InTurn([], [trade(1, "1")], [trade(1, "1"), trade(2, "2")])
    report = broker.find(SYMBOL, CLIENT_ID)
    assert [fill.quantity for fill in report.fills] == [1, 2]
    assert len(server.requests("GET", ORDER)) == 3


def test_trades_that_never_come_are_for_later(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", ORDER] = order("FILLED", "3")
    server.script["GET", TRADES] = [trade(1, "1")]
    with pytest.raises(RetryLater, match="don't yet add up"):
        broker.find(SYMBOL, CLIENT_ID)


def test_an_order_without_fills_needs_no_trades(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", ORDER] = order("NEW", "0.00000000")
    assert broker.find(SYMBOL, CLIENT_ID).fills == ()
    assert server.requests("GET", TRADES) == []


def test_more_trades_than_a_page_holds(broker: CcxtBroker, server: ScriptedServer) -> None:
    def page(request: Received) -> Any:
        first = int(request.parameters.get("fromId", "0"))
        return [trade(number, "1") for number in range(first, min(first + 1000, 1500))]

    server.script["GET", ORDER] = order("FILLED", "1500")
    server.script["GET", TRADES] = page
    report = broker.find(SYMBOL, CLIENT_ID)
    assert [fill.venue_trade_id for fill in report.fills] == [str(number) for number in range(1500)]


def test_an_accepted_cancel_reports_what_was_filled_before(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["DELETE", ORDER] = order("CANCELED", "1")
    server.script["GET", ORDER] = order("CANCELED", "1")
    server.script["GET", TRADES] = [trade(1, "1")]
    report = broker.cancel(SYMBOL, CLIENT_ID)
    assert (report.status, report.filled_quantity, len(report.fills)) == (OrderStatus.CANCELLED, Decimal(1), 1)


_HIDDEN = pytest.mark.parametrize(
    "silence",
    [
        refusal(-1001, "Internal error", 500),
        refusal(-2013, "Order does not exist."),
        refusal(-2015, "Invalid API-key, IP, or permissions for action."),
        Answer("", 451),
    ],
    ids=["500", "-2013", "-2015", "451"],
)


@_HIDDEN
def test_a_list_whose_outcome_stays_hidden_is_unknown(broker: CcxtBroker, server: ScriptedServer, silence: Any) -> None:
    """Its stop has traded at once; a key that is refused the question about it takes nothing of that back."""
    reports = [_listed(CLIENT_ID, "FILLED"), _listed("tptarget", "EXPIRED")]
    server.script["POST", LIST] = {"orderListId": 1, "orderReports": reports}
    server.script["GET", ORDER] = silence
    with pytest.raises(AskTheVenue):
        broker.submit_list(LIST_REQUEST)


@_HIDDEN
def test_a_cancel_whose_outcome_stays_hidden_is_unknown(
    broker: CcxtBroker, server: ScriptedServer, silence: Any
) -> None:
    server.script["DELETE", ORDER] = order("CANCELED", "1")
    server.script["GET", ORDER] = silence
    with pytest.raises(AskTheVenue):
        broker.cancel(SYMBOL, CLIENT_ID)


def test_unknown_orders_are_not_known(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", ORDER] = refusal(-2013, "Order does not exist.")
    with pytest.raises(OrderNotKnown):
        broker.find(SYMBOL, CLIENT_ID)
