"""Every answer has the fields and the JSON types of the exchange's own.

The shapes are written down here, and compared with recorded answers of the real exchange where this machine
has them, so that neither can drift unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal as D  # noqa: N817 - keeps the samples readable
from typing import Any

import pytest

from trading_platform.simulator import wire_events, wire_market, wire_orders
from trading_platform.simulator.model import (
    AccountState,
    Balance,
    BalancesEvent,
    Book,
    BookTicker,
    CanceledOrder,
    ExecutionEvent,
    ExecutionType,
    Kline,
    Level,
    ListEvent,
    ListOrderStatus,
    ListStatus,
    Order,
    OrderList,
    OrderStatus,
    OrderType,
    PlacedOrder,
    PublicTrade,
    Side,
    SymbolRules,
    Ticker24h,
    TimeInForce,
    Trade,
)
from trading_platform_tests.support.recorded_payloads import recorded_events, recorded_json

RULES = SymbolRules(
    "BTCUSDT", "BTC", "USDT", D("0.01"), D("0.01"), D(1_000_000), D("0.00001"), D("0.00001"), D(9_000),
    D(100), D(5), D(9_000_000), D(5), D("0.2"), D(5), D("0.2"),
)  # fmt: skip
KLINE = Kline(60_000, D(1), D(3), D("0.5"), D(2), D(10), 119_999, D(15), 4, D(5), D(7), closed=True)
TICKER = Ticker24h(
    "BTCUSDT", D(1), D("0.5"), D(2), D(1), D(2), D(3), D(2), D(1), D(3), D(1), D(1), D(3), D(1), D(9), D(18),
    0, 86_400_000, 1, 9, 9,
)  # fmt: skip
BOOK = Book("BTCUSDT", 7, 1, (Level(D(2), D(1)),), (Level(D(3), D(1)),))
BEST = BookTicker("BTCUSDT", 7, 1, D(2), D(1), D(3), D(1))
PUBLIC_TRADE = PublicTrade(5, D(2), D(1), D(2), 3, buyer_is_maker=True)
ORDER = Order(
    1, -1, "main", "mine", "BTCUSDT", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, D(2), D(0), D(1), D(0), D(0),
    D(0), OrderStatus.NEW, 1, 2, 1, is_working=True,
)  # fmt: skip
FILL = Trade(9, 1, -1, "main", "BTCUSDT", Side.BUY, D(2), D(1), D(2), D("0.001"), "BTC", 3, is_maker=False)
ORDER_LIST = OrderList(
    3, "main", "BTCUSDT", "pair", "OCO", ListStatus.EXEC_STARTED, ListOrderStatus.EXECUTING, 1, (ORDER, ORDER)
)
ACCOUNT = AccountState("main", (Balance("USDT", D(1), D(2)),), D(10), D(10), 5)

DOCUMENTED: Mapping[str, tuple[Any, str]] = {
    "order status": (
        wire_orders.order_status(ORDER),
        "symbol:str orderId:int orderListId:int clientOrderId:str price:str origQty:str executedQty:str "
        "cummulativeQuoteQty:str status:str timeInForce:str type:str side:str stopPrice:str icebergQty:str "
        "time:int updateTime:int isWorking:bool workingTime:int origQuoteOrderQty:str "
        "selfTradePreventionMode:str",
    ),
    "order ACK": (
        wire_orders.placed_order(PlacedOrder(ORDER, ()), "ACK"),
        "symbol:str orderId:int orderListId:int clientOrderId:str transactTime:int",
    ),
    "order FULL": (
        wire_orders.placed_order(PlacedOrder(ORDER, (FILL,)), "FULL"),
        "symbol:str orderId:int orderListId:int clientOrderId:str transactTime:int price:str origQty:str "
        "executedQty:str origQuoteOrderQty:str cummulativeQuoteQty:str status:str timeInForce:str type:str "
        "side:str workingTime:int selfTradePreventionMode:str fills:list",
    ),
    "fill": (
        wire_orders.placed_order(PlacedOrder(ORDER, (FILL,)), "FULL")["fills"][0],  # type: ignore[index]
        "price:str qty:str commission:str commissionAsset:str tradeId:int",
    ),
    "cancel": (
        wire_orders.canceled_order(CanceledOrder(ORDER, "cancel")),
        "symbol:str origClientOrderId:str orderId:int orderListId:int clientOrderId:str transactTime:int "
        "price:str origQty:str executedQty:str origQuoteOrderQty:str cummulativeQuoteQty:str status:str "
        "timeInForce:str type:str side:str selfTradePreventionMode:str",
    ),
    "order list": (
        wire_orders.order_list(ORDER_LIST),
        "orderListId:int contingencyType:str listStatusType:str listOrderStatus:str listClientOrderId:str "
        "transactionTime:int symbol:str orders:list",
    ),
    "my trade": (
        wire_orders.my_trade(FILL),
        "symbol:str id:int orderId:int orderListId:int price:str qty:str quoteQty:str commission:str "
        "commissionAsset:str time:int isBuyer:bool isMaker:bool isBestMatch:bool",
    ),
    "account": (
        wire_orders.account(ACCOUNT, omit_zero_balances=False),
        "makerCommission:int takerCommission:int buyerCommission:int sellerCommission:int "
        "commissionRates:dict canTrade:bool canWithdraw:bool canDeposit:bool brokered:bool "
        "requireSelfTradePrevention:bool preventSor:bool updateTime:int accountType:str balances:list "
        "permissions:list uid:int",
    ),
    "public trade": (
        wire_market.public_trade(PUBLIC_TRADE),
        "id:int price:str qty:str quoteQty:str time:int isBuyerMaker:bool isBestMatch:bool",
    ),
    "aggregate trade": (
        wire_market.aggregate_trade(PUBLIC_TRADE),
        "a:int p:str q:str f:int l:int T:int m:bool M:bool",
    ),
    "mini ticker event": (
        wire_events.mini_ticker(TICKER, 1),
        "e:str E:int s:str c:str o:str h:str l:str v:str q:str",
    ),
    "ticker event": (
        wire_events.ticker(TICKER, 1),
        "e:str E:int s:str p:str P:str w:str x:str c:str Q:str b:str B:str a:str A:str o:str h:str l:str "
        "v:str q:str O:int C:int F:int L:int n:int",
    ),
    "execution report": (
        wire_events.execution_report(ExecutionEvent("main", ExecutionType.TRADE, ORDER, FILL, 1)),
        "e:str E:int s:str c:str S:str o:str f:str q:str p:str P:str F:str g:int C:str x:str X:str r:str "
        "i:int l:str z:str L:str n:str N:str T:int t:int I:int w:bool m:bool M:bool O:int Z:str Y:str Q:str "
        "W:int V:str",
    ),
    "list status": (
        wire_events.list_status(ListEvent("main", ORDER_LIST, 1)),
        "e:str E:int s:str g:int c:str l:str L:str r:str C:str T:int O:list",
    ),
}


def shape(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: type(field).__name__ for name, field in value.items()}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_answers_have_the_documented_fields(name: str) -> None:
    payload, documented = DOCUMENTED[name]
    expected = dict(pair.split(":") for pair in documented.split())
    assert shape(payload) == expected


RECORDED: Mapping[str, tuple[Any, str, Any]] = {
    # what -> (ours, recording, how to find its counterpart there)
    "symbol": (
        wire_market.symbol_info(RULES, trading=True),
        "soworks/exchange_info.json",
        lambda answer: answer["symbols"][0],
    ),
    "ticker 24h": (wire_market.ticker_24h(TICKER), "soworks/ticker_24hr.json", lambda answer: answer[0]),
    "depth": (wire_market.depth(BOOK), "soworks/depth.json", lambda answer: answer),
    "account": (
        wire_orders.account(ACCOUNT, omit_zero_balances=False),
        "FastMM/demo_account_status.json",
        lambda answer: answer["result"],
    ),
    "account position": (
        wire_events.account_position(BalancesEvent("main", (Balance("BTC", D(1), D(0)),), 1)),
        "FastMM/demo_outbound_account_position.json",
        lambda answer: answer["event"],
    ),
}


@pytest.mark.parametrize("what", RECORDED)
def test_answers_have_the_fields_the_exchange_recorded(what: str) -> None:
    ours, recording, find = RECORDED[what]
    recorded = recorded_json(recording)
    if recorded is None:
        pytest.skip("no recordings on this machine; the written-down shapes are still checked")
    assert shape(ours) == shape(find(recorded))


@pytest.mark.parametrize("recording", ["ccxt/fetchOrder-spot-filled-market-LTCUSDT.json"])
def test_an_order_has_the_recorded_names(recording: str) -> None:
    recorded = recorded_json(recording)
    if recorded is None:
        pytest.skip("no recordings on this machine; the written-down shapes are still checked")
    assert set(wire_orders.order_status(ORDER)) == set(recorded)


def test_filters_have_the_recorded_fields_and_types() -> None:
    recorded = recorded_json("soworks/exchange_info.json")
    if recorded is None:
        pytest.skip("no recordings on this machine; the written-down shapes are still checked")
    theirs = {f["filterType"]: shape(f) for f in recorded["symbols"][0]["filters"]}
    ours = {str(f["filterType"]): shape(f) for f in wire_market.filters(RULES)}
    assert {name: theirs[name] for name in ours} == ours


def test_candles_have_the_recorded_types() -> None:
    recorded = recorded_json("soworks/klines.json")
    types = [type(cell) for cell in wire_market.kline_row(KLINE)]
    assert types == [int, str, str, str, str, str, int, str, int, str, str, str]
    if recorded is not None:
        assert types == [type(cell) for cell in recorded[0]]


EVENTS: Mapping[str, tuple[Any, str]] = {
    "trade": (wire_events.trade("BTCUSDT", PUBLIC_TRADE, 1), "FastMM/raw_md_stream.jsonl"),
    "bookTicker": (wire_events.book_ticker(BEST), "FastMM/raw_md_stream.jsonl"),
    "depthUpdate": (wire_events.depth_update(BOOK, BOOK, 1), "FastMM/raw_md_stream.jsonl"),
    "aggTrade": (
        wire_events.aggregate_trade("BTCUSDT", PUBLIC_TRADE, 1),
        "cryptofeed/BINANCE_US.ws.1.0.gz",
    ),
    "kline": (wire_events.kline("BTCUSDT", "1m", KLINE, 1), "cryptofeed/BINANCE.ws.1.0.gz"),
}


@pytest.mark.parametrize("kind", EVENTS)
def test_stream_events_have_the_recorded_shape(kind: str) -> None:
    ours, recording = EVENTS[kind]
    theirs: Iterator[dict[str, Any]] = recorded_events(recording, kind)
    example = next(theirs, None)
    if example is None:
        pytest.skip("no recorded event of this kind on this machine")
    assert shape(ours) == shape(example)
    if kind == "kline":
        assert shape(ours["k"]) == shape(example["k"])


def test_a_gone_level_is_told_with_quantity_zero() -> None:
    after = BOOK._replace(update_id=9, bids=(Level(D(1), D(1)),))
    update = wire_events.depth_update(BOOK, after, 1)
    assert (update["U"], update["u"]) == (8, 9)
    assert update["b"] == [["1.00000000", "1.00000000"], ["2.00000000", "0.00000000"]]
    assert update["a"] == []
