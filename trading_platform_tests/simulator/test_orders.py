"""What the exchange takes, refuses, fills and cancels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.model import (
    AccountEvent,
    BalancesEvent,
    ExecutionEvent,
    ExecutionType,
    ListEvent,
    ListOrderStatus,
    OcoLeg,
    OcoRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from trading_platform_tests.simulator.exchanges import (
    ACCOUNT,
    BTC,
    MINUTE_MS,
    WallClock,
    balance,
    near,
    open_exchange,
    order,
    place,
)


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def exchange(tmp_path: Path, wall: WallClock) -> Iterator[Exchange]:
    opened = open_exchange(tmp_path, wall)
    yield opened
    opened.close()


@pytest.fixture
def price(exchange: Exchange) -> Decimal:
    return exchange.last_price(BTC)


def run_until_done(exchange: Exchange, wall: WallClock, steps: int = 3000) -> None:
    for _ in range(steps):
        if not exchange.open_orders(ACCOUNT):
            return
        wall.move(10 * MINUTE_MS)
    raise AssertionError("the orders never finished")


def code_of(raised: pytest.ExceptionInfo[ExchangeError]) -> int:
    return raised.value.code


# Market orders --------------------------------------------------------------------------


def test_a_market_purchase_pays_the_ask_and_the_fee_in_the_bought_asset(exchange: Exchange) -> None:
    ask = exchange.book_ticker(BTC).ask_price
    placed = place(exchange, "BUY", "MARKET", quantity="0.001")
    [fill] = placed.fills
    assert placed.order.status is OrderStatus.FILLED
    assert fill.price == ask
    assert (fill.commission, fill.commission_asset) == (Decimal("0.000001"), "BTC")
    assert balance(exchange, "BTC") == (Decimal("0.5") + Decimal("0.000999"), 0)
    assert balance(exchange, "USDT") == (10_000 - ask * Decimal("0.001"), 0)


def test_a_market_sale_gets_the_bid_and_pays_the_fee_in_quote(exchange: Exchange) -> None:
    bid = exchange.book_ticker(BTC).bid_price
    [fill] = place(exchange, "SELL", "MARKET", quantity="0.01").fills
    assert fill.price == bid
    assert fill.commission_asset == "USDT"
    assert fill.commission == pytest.approx(bid * Decimal("0.01") / 1000, abs=Decimal("1e-8"))


def test_a_larger_order_walks_the_book_and_pays_more(exchange: Exchange) -> None:
    best = exchange.book_ticker(BTC)
    first_level = best.bid_quantity
    quantity = min(Decimal("0.5"), (first_level + Decimal("0.05")).quantize(Decimal("0.00001")))
    fills = place(exchange, "SELL", "MARKET", quantity=quantity).fills
    assert len(fills) >= 2
    assert [f.price for f in fills] == sorted((f.price for f in fills), reverse=True)
    assert fills[0].quantity == first_level


def test_what_was_taken_at_a_moment_is_gone_until_the_next(exchange: Exchange, wall: WallClock) -> None:
    before = exchange.book(BTC, 5)
    fill = place(exchange, "BUY", "MARKET", quantity="0.05").fills[0]
    after = exchange.book(BTC, 5)
    assert after.asks[0].quantity == before.asks[0].quantity - fill.quantity
    assert after.bids == before.bids
    assert after.update_id > before.update_id
    wall.move(1000)
    assert exchange.book(BTC, 5).update_id > after.update_id


def test_a_purchase_for_a_quote_amount_never_spends_more(exchange: Exchange) -> None:
    placed = place(exchange, "BUY", "MARKET", quote_quantity="50")
    step_cost = placed.fills[0].price * Decimal("0.00001")
    assert 50 - step_cost < placed.order.executed_quote <= 50
    assert placed.order.original_quote_quantity == 50
    assert placed.order.status is OrderStatus.FILLED


# Limit orders ---------------------------------------------------------------------------


def test_a_resting_order_locks_and_a_cancel_unlocks(exchange: Exchange, price: Decimal) -> None:
    limit = near(price, "0.9")
    placed = place(exchange, "BUY", "LIMIT", quantity="0.01", price=limit, client_order_id="a1")
    assert placed.order.status is OrderStatus.NEW
    assert balance(exchange, "USDT")[1] == limit * Decimal("0.01")
    canceled = exchange.cancel_order(ACCOUNT, BTC, client_order_id="a1")
    assert canceled.order.status is OrderStatus.CANCELED
    assert balance(exchange, "USDT") == (10_000, 0)
    with pytest.raises(ExchangeError, match="Unknown order sent") as raised:
        exchange.cancel_order(ACCOUNT, BTC, client_order_id="a1")
    assert code_of(raised) == -2011


def test_a_crossing_limit_takes_at_better_prices_and_returns_the_rest_of_the_lock(
    exchange: Exchange, price: Decimal
) -> None:
    limit = near(price, "1.01")
    placed = place(exchange, "BUY", "LIMIT", quantity="0.01", price=limit)
    assert placed.order.status is OrderStatus.FILLED
    assert all(f.price < limit and not f.is_maker for f in placed.fills)
    assert balance(exchange, "USDT") == (10_000 - placed.order.executed_quote, 0)


def test_a_resting_order_is_filled_at_its_own_price_when_the_market_comes(
    exchange: Exchange, price: Decimal, wall: WallClock
) -> None:
    limit = near(price, "0.999")
    placed = place(exchange, "BUY", "LIMIT", quantity="0.01", price=limit)
    run_until_done(exchange, wall)
    trades = exchange.my_trades(ACCOUNT, BTC, order_id=placed.order.order_id)
    assert {t.price for t in trades} == {limit}
    assert all(t.is_maker for t in trades)
    assert sum(t.quantity for t in trades) == Decimal("0.01")


def test_a_large_resting_order_fills_in_parts(exchange: Exchange, price: Decimal, wall: WallClock) -> None:
    placed = place(exchange, "SELL", "LIMIT", quantity="0.5", price=near(price, "1.0005"))
    run_until_done(exchange, wall)
    trades = exchange.my_trades(ACCOUNT, BTC, order_id=placed.order.order_id)
    assert len(trades) > 1
    assert sum(t.quantity for t in trades) == Decimal("0.5")
    assert exchange.order(ACCOUNT, BTC, placed.order.order_id).status is OrderStatus.FILLED


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_ioc_and_fok_never_rest(exchange: Exchange, price: Decimal, tif: TimeInForce) -> None:
    away = place(exchange, "BUY", "LIMIT", quantity="0.01", price=near(price, "0.99"), time_in_force=tif)
    assert (away.order.status, away.fills) == (OrderStatus.EXPIRED, ())
    assert balance(exchange, "USDT") == (10_000, 0)


def test_ioc_takes_what_is_there_and_fok_all_or_nothing(exchange: Exchange) -> None:
    best = exchange.book_ticker(BTC)
    quantity = min(Decimal("0.5"), best.bid_quantity + Decimal("0.01"))
    values: dict[str, Any] = {"quantity": quantity, "price": best.bid_price}
    fok = place(exchange, "SELL", "LIMIT", time_in_force=TimeInForce.FOK, **values)
    assert (fok.order.status, fok.fills) == (OrderStatus.EXPIRED, ())
    ioc = place(exchange, "SELL", "LIMIT", time_in_force=TimeInForce.IOC, **values)
    assert ioc.order.status is OrderStatus.EXPIRED
    assert ioc.order.executed_quantity == best.bid_quantity
    assert balance(exchange, "BTC")[1] == 0


def test_a_limit_maker_may_not_take(exchange: Exchange) -> None:
    ask = exchange.book_ticker(BTC).ask_price
    with pytest.raises(ExchangeError, match="immediately match and take") as raised:
        place(exchange, "BUY", "LIMIT_MAKER", quantity="0.01", price=ask)
    assert code_of(raised) == -2010
    assert place(exchange, "BUY", "LIMIT_MAKER", quantity="0.01", price=ask - 5).order.status is OrderStatus.NEW


# Stops ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "kind", "factor"),
    [
        ("SELL", "STOP_LOSS", "0.998"),
        ("SELL", "TAKE_PROFIT", "1.002"),
        ("BUY", "STOP_LOSS", "1.002"),
        ("BUY", "TAKE_PROFIT", "0.998"),
    ],
)
def test_a_stop_waits_for_its_price_and_then_takes(
    exchange: Exchange, price: Decimal, wall: WallClock, side: str, kind: str, factor: str
) -> None:
    stop = near(price, factor)
    placed = place(exchange, side, kind, quantity="0.01", stop_price=stop)
    assert not placed.order.is_working
    assert placed.order.working_time_ms == -1
    run_until_done(exchange, wall)
    done = exchange.order(ACCOUNT, BTC, placed.order.order_id)
    assert done.status is OrderStatus.FILLED
    assert done.is_working
    [trade] = exchange.my_trades(ACCOUNT, BTC, order_id=done.order_id)
    assert not trade.is_maker
    assert abs(trade.price / stop - 1) < Decimal("0.02")
    assert balance(exchange, "USDT")[1] == balance(exchange, "BTC")[1] == 0


def test_a_stop_that_would_trigger_at_once_is_refused(exchange: Exchange, price: Decimal) -> None:
    with pytest.raises(ExchangeError, match="trigger immediately"):
        place(exchange, "SELL", "STOP_LOSS", quantity="0.01", stop_price=near(price, "1.01"))


def test_a_stop_purchase_never_spends_more_than_there_is(tmp_path: Path, wall: WallClock) -> None:
    exchange = open_exchange(tmp_path, wall, balances={"USDT": Decimal(100)})
    stop = near(exchange.last_price(BTC), "1.001")
    quantity = (Decimal("99.999") / stop).quantize(Decimal("0.00001"), "ROUND_FLOOR")
    placed = place(exchange, "BUY", "STOP_LOSS", quantity=quantity, stop_price=stop)
    run_until_done(exchange, wall)
    done = exchange.order(ACCOUNT, BTC, placed.order.order_id)
    assert done.status in (OrderStatus.FILLED, OrderStatus.EXPIRED)
    assert done.executed_quantity > 0
    assert balance(exchange, "USDT")[0] >= 0
    exchange.close()


# OCO ------------------------------------------------------------------------------------


def oco(exchange: Exchange, price: Decimal, up: str = "1.003", down: str = "0.997", **changes: Any) -> OcoRequest:
    return OcoRequest(
        BTC,
        Side.SELL,
        Decimal("0.1"),
        OcoLeg(OrderType.LIMIT_MAKER, price=near(price, up), client_order_id="target"),
        OcoLeg(OrderType.STOP_LOSS, stop_price=near(price, down), client_order_id="stop"),
        **changes,
    )


def test_an_oco_locks_once_and_at_most_one_leg_trades(exchange: Exchange, price: Decimal, wall: WallClock) -> None:
    events: list[AccountEvent] = []
    exchange.subscribe(events.append)
    placed = exchange.place_oco(ACCOUNT, oco(exchange, price))
    assert balance(exchange, "BTC") == (Decimal("0.4"), Decimal("0.1"))
    assert [o.client_order_id for o in placed.orders] == ["target", "stop"]
    run_until_done(exchange, wall)
    legs = exchange.order_list(ACCOUNT, placed.order_list_id).orders
    assert sorted(leg.status for leg in legs) == [OrderStatus.EXPIRED, OrderStatus.FILLED]
    assert sum(leg.executed_quantity for leg in legs) == Decimal("0.1")
    assert balance(exchange, "BTC") == (Decimal("0.4"), 0)
    lists = [e.order_list.order_status for e in events if isinstance(e, ListEvent)]
    assert lists == [ListOrderStatus.EXECUTING, ListOrderStatus.ALL_DONE]
    assert exchange.open_order_lists(ACCOUNT) == []


def test_a_purchase_oco_locks_its_dearest_leg(exchange: Exchange, price: Decimal) -> None:
    above, below = near(price, "1.01"), near(price, "0.99")
    request = OcoRequest(
        BTC,
        Side.BUY,
        Decimal("0.01"),
        OcoLeg(OrderType.STOP_LOSS_LIMIT, near(price, "1.02"), above, TimeInForce.GTC),
        OcoLeg(OrderType.LIMIT_MAKER, below),
    )
    placed = exchange.place_oco(ACCOUNT, request)
    assert balance(exchange, "USDT")[1] == near(price, "1.02") * Decimal("0.01")
    done = exchange.cancel_order_list(ACCOUNT, BTC, placed.order_list_id)
    assert {o.status for o in done.orders} == {OrderStatus.CANCELED}
    assert balance(exchange, "USDT") == (10_000, 0)


def test_canceling_one_leg_cancels_the_list(exchange: Exchange, price: Decimal) -> None:
    placed = exchange.place_oco(ACCOUNT, oco(exchange, price))
    exchange.cancel_order(ACCOUNT, BTC, client_order_id="stop")
    assert exchange.order_list(ACCOUNT, placed.order_list_id).order_status is ListOrderStatus.ALL_DONE
    assert exchange.open_orders(ACCOUNT) == []
    with pytest.raises(ExchangeError, match="Unknown order sent"):
        exchange.cancel_order_list(ACCOUNT, BTC, placed.order_list_id)


def test_cancel_open_orders_takes_orders_and_lists(exchange: Exchange, price: Decimal) -> None:
    exchange.place_oco(ACCOUNT, oco(exchange, price))
    place(exchange, "SELL", "LIMIT", quantity="0.1", price=near(price, "1.1"))
    assert len(exchange.cancel_open_orders(ACCOUNT, BTC)) == 2
    assert exchange.open_orders(ACCOUNT) == []
    with pytest.raises(ExchangeError, match="Unknown order sent"):
        exchange.cancel_open_orders(ACCOUNT, BTC)


@pytest.mark.parametrize(("up", "down"), [("0.999", "0.997"), ("1.003", "1.001")])
def test_the_market_must_be_between_the_legs(exchange: Exchange, price: Decimal, up: str, down: str) -> None:
    with pytest.raises(ExchangeError, match="relationship of the prices"):
        exchange.place_oco(ACCOUNT, oco(exchange, price, up, down))


# Refusals -------------------------------------------------------------------------------

REFUSALS: list[tuple[str, dict[str, Any], int, str]] = [
    ("LIMIT", {"quantity": "0.01"}, -1102, "price"),
    ("LIMIT", {"quantity": "0.01", "factor": "1", "time_in_force": None}, -1102, "timeInForce"),
    ("MARKET", {}, -1102, "quantity"),
    ("MARKET", {"quantity": "0.01", "quote_quantity": "10"}, -1106, "quoteOrderQty"),
    ("MARKET", {"quantity": "0.01", "factor": "1"}, -1106, "price"),
    ("STOP_LOSS", {"quantity": "0.01"}, -1102, "stopPrice"),
    ("MARKET", {"quantity": "0"}, -1013, "Invalid quantity"),
    ("MARKET", {"quantity": "0.0000000001"}, -1111, "quantity"),
    ("MARKET", {"quantity": "0.000011"}, -1013, "LOT_SIZE"),
    ("LIMIT", {"quantity": "9001", "factor": "0.9"}, -1013, "LOT_SIZE"),
    ("MARKET", {"quantity": "200"}, -1013, "MARKET_LOT_SIZE"),
    ("LIMIT", {"quantity": "0.01", "factor": "0.9", "offset": "0.001"}, -1013, "PRICE_FILTER"),
    ("LIMIT", {"quantity": "0.01", "factor": "1.3"}, -1013, "PERCENT_PRICE_BY_SIDE"),
    ("LIMIT", {"quantity": "0.01", "factor": "0.4"}, -1013, "PERCENT_PRICE_BY_SIDE"),
    ("MARKET", {"quantity": "0.00001"}, -1013, "NOTIONAL"),
    ("LIMIT", {"quantity": "0.00005", "factor": "0.99"}, -1013, "NOTIONAL"),
    ("MARKET", {"quote_quantity": "4.99"}, -1013, "NOTIONAL"),
    ("MARKET", {"quantity": "1"}, -2010, "insufficient balance"),
    ("LIMIT", {"quantity": "1", "factor": "0.99"}, -2010, "insufficient balance"),
]


@pytest.mark.parametrize(("kind", "values", "code", "message"), REFUSALS)
def test_refusals_carry_binances_codes_and_change_nothing(
    exchange: Exchange, price: Decimal, kind: str, values: dict[str, Any], code: int, message: str
) -> None:
    values = dict(values)
    factor, offset = values.pop("factor", None), Decimal(values.pop("offset", "0"))
    if factor is not None:
        values["price"] = near(price, factor) + offset
    before = exchange.account_state(ACCOUNT).balances
    for attempt in (exchange.place_order, exchange.test_order):
        with pytest.raises(ExchangeError, match=message) as raised:
            attempt(ACCOUNT, order("BUY", kind, **values))
        assert code_of(raised) == code
    assert exchange.account_state(ACCOUNT).balances == before
    assert exchange.all_orders(ACCOUNT, BTC) == []


def test_what_is_unknown_is_called_so(exchange: Exchange) -> None:
    attempts: list[tuple[Callable[[], object], int]] = [
        (lambda: exchange.klines("NOPE", "1m"), -1121),
        (lambda: exchange.klines(BTC, "7m"), -1120),
        (lambda: place(exchange, "BUY", "MARKET", "NOPE", quantity=1), -1121),
        (lambda: exchange.order(ACCOUNT, BTC, 99), -2013),
        (lambda: exchange.order(ACCOUNT, BTC), -1102),
        (lambda: exchange.order_list(ACCOUNT, 99), -2018),
        (lambda: exchange.account("nobody"), -2015),
        (lambda: exchange.step(), -1100),
    ]
    for attempt, code in attempts:
        with pytest.raises(ExchangeError) as raised:
            attempt()
        assert code_of(raised) == code


def test_a_client_id_is_taken_only_while_its_order_is_open(exchange: Exchange, price: Decimal) -> None:
    values: dict[str, Any] = {"quantity": "0.01", "price": near(price, "0.9"), "client_order_id": "mine"}
    first = place(exchange, "BUY", "LIMIT", **values).order
    with pytest.raises(ExchangeError, match="Duplicate order sent") as raised:
        place(exchange, "BUY", "LIMIT", **values)
    assert code_of(raised) == -2010
    exchange.cancel_order(ACCOUNT, BTC, first.order_id)
    second = place(exchange, "BUY", "LIMIT", **values).order
    assert exchange.order(ACCOUNT, BTC, client_order_id="mine") == second
    assert exchange.order(ACCOUNT, BTC, first.order_id).status is OrderStatus.CANCELED


def test_the_numbers_of_open_orders_are_bounded(exchange: Exchange, price: Decimal) -> None:
    for _ in range(5):
        place(exchange, "SELL", "STOP_LOSS", quantity="0.001", stop_price=near(price, "0.9"))
    with pytest.raises(ExchangeError, match="MAX_NUM_ALGO_ORDERS"):
        place(exchange, "SELL", "STOP_LOSS", quantity="0.001", stop_price=near(price, "0.9"))
    for _ in range(195):
        place(exchange, "BUY", "LIMIT", quantity="0.0001", price=near(price, "0.8"))
    with pytest.raises(ExchangeError, match="MAX_NUM_ORDERS"):
        place(exchange, "BUY", "LIMIT", quantity="0.0001", price=near(price, "0.8"))


# Events, queries, misbehaviour ----------------------------------------------------------


def test_listeners_hear_of_each_change_in_order(exchange: Exchange) -> None:
    events: list[AccountEvent] = []
    unsubscribe = exchange.subscribe(events.append)
    placed = place(exchange, "BUY", "MARKET", quantity="0.001")
    kinds = [e.execution_type for e in events if isinstance(e, ExecutionEvent)]
    assert kinds == [ExecutionType.NEW, ExecutionType.TRADE]
    assert isinstance(events[1], ExecutionEvent)
    assert events[1].trade == placed.fills[0]
    assert isinstance(events[-1], BalancesEvent)
    assert {b.asset for b in events[-1].balances} == {"BTC", "USDT"}
    unsubscribe()
    place(exchange, "SELL", "MARKET", quantity="0.001")
    assert len(events) == 3


def test_orders_and_trades_are_found_by_id_and_time(exchange: Exchange, wall: WallClock) -> None:
    ids, times = [], []
    for _ in range(4):
        ids.append(place(exchange, "BUY", "MARKET", quantity="0.001").order.order_id)
        times.append(exchange.now_ms())
        wall.move(5000)
    assert [o.order_id for o in exchange.all_orders(ACCOUNT, BTC)] == ids
    assert [o.order_id for o in exchange.all_orders(ACCOUNT, BTC, limit=2)] == ids[2:]
    assert [o.order_id for o in exchange.all_orders(ACCOUNT, BTC, order_id=ids[1], limit=2)] == ids[1:3]
    assert [o.order_id for o in exchange.all_orders(ACCOUNT, BTC, start_ms=times[1], end_ms=times[2])] == ids[1:3]
    trades = exchange.my_trades(ACCOUNT, BTC)
    assert [t.order_id for t in trades] == ids
    assert exchange.my_trades(ACCOUNT, BTC, from_id=trades[2].trade_id) == trades[2:]
    assert exchange.my_trades(ACCOUNT, BTC, order_id=ids[3]) == trades[3:]
    assert exchange.my_trades(ACCOUNT, "ETHUSDT") == []


def test_a_forced_partial_fill_touches_the_next_order_only(exchange: Exchange, price: Decimal) -> None:
    exchange.fill_next_order_partly(Decimal("0.4"))
    first = place(exchange, "BUY", "MARKET", quantity="0.01").order
    assert (first.status, first.executed_quantity) == (OrderStatus.EXPIRED, Decimal("0.004"))
    assert place(exchange, "BUY", "MARKET", quantity="0.01").order.status is OrderStatus.FILLED
    exchange.fill_next_order_partly(Decimal("0.5"))
    resting = place(exchange, "BUY", "LIMIT", quantity="0.01", price=near(price, "1.01")).order
    assert (resting.status, resting.executed_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.005"))
    assert balance(exchange, "USDT")[1] == resting.price * Decimal("0.005")


def test_a_told_refusal_hits_one_order(exchange: Exchange) -> None:
    exchange.reject_next_order(-2010, "Not today.")
    with pytest.raises(ExchangeError, match="Not today"):
        place(exchange, "BUY", "MARKET", quantity="0.01")
    assert place(exchange, "BUY", "MARKET", quantity="0.01").fills


def test_a_held_order_is_accepted_late(exchange: Exchange, wall: WallClock) -> None:
    exchange.place_order_later(ACCOUNT, order("BUY", "MARKET", quantity="0.01", client_order_id="late"), 5)
    wall.move(4000)
    with pytest.raises(ExchangeError, match="does not exist"):
        exchange.order(ACCOUNT, BTC, client_order_id="late")
    wall.move(1000)
    late = exchange.order(ACCOUNT, BTC, client_order_id="late")
    assert late.status is OrderStatus.FILLED
    assert late.time_ms == exchange.now_ms()
    exchange.advance()
    assert len(exchange.all_orders(ACCOUNT, BTC)) == 1
