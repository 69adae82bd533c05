"""Requests about single orders: place, test, query, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from trading_platform.simulator import wire_errors, wire_orders
from trading_platform.simulator.call import AnswerLost, Call, Route, Security
from trading_platform.simulator.errors import ExchangeError, market_is_closed
from trading_platform.simulator.model import (
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
)
from trading_platform.simulator.wire_errors import WireError
from trading_platform.simulator.wire_market import SELF_TRADE_PREVENTION, Json
from trading_platform.simulator.wire_parameters import CLIENT_ID_FORM, SYMBOL_FORM, Parameters

T = TypeVar("T")

TRADING = "trading"
RESPONSE_TYPES = ("ACK", "RESULT", "FULL")
_HELD_ORDER_SLACK_SECONDS = 0.02


def place_order(call: Call) -> Json:
    """``POST order``."""
    request, response_type = _read_order(call.parameters)
    call.parameters.finish()
    _misbehave(call, request)
    placed = count_placement(call, 1, lambda: call.context.exchange.place_order(call.account, request))
    return wire_orders.placed_order(placed, response_type)


def test_order(call: Call) -> Json:
    """``POST order/test``: all checks, no order."""
    parameters = call.parameters
    request, _ = _read_order(parameters)
    with_rates = parameters.optional_choice(
        "computeCommissionRates", ("true", "false"), bad_value("computeCommissionRates")
    )
    parameters.finish()
    call.context.exchange.test_order(call.account, request)
    if with_rates != "true":
        return {}
    commission = wire_orders.commission(request.symbol, call.context.exchange.account_state(call.account))
    return {
        "standardCommissionForOrder": commission["standardCommission"],
        "specialCommissionForOrder": commission["specialCommission"],
        "taxCommissionForOrder": commission["taxCommission"],
        "discount": commission["discount"],
    }


def query_order(call: Call) -> Json:
    """``GET order``."""
    symbol, order_id, client_order_id = _read_order_name(call.parameters)
    order = call.context.exchange.order(call.account, symbol, order_id, client_order_id)
    return wire_orders.order_status(order)


def cancel_order(call: Call) -> Json:
    """``DELETE order``."""
    parameters = call.parameters
    symbol, order_id, client_order_id = _read_order_name(parameters)
    cancel_id = parameters.optional_text("newClientOrderId", CLIENT_ID_FORM)
    parameters.finish()
    canceled = call.context.exchange.cancel_order(call.account, symbol, order_id, client_order_id, cancel_id)
    return wire_orders.canceled_order(canceled)


def open_orders(call: Call) -> list[Json]:
    """``GET openOrders``."""
    symbol = call.parameters.optional_text("symbol", SYMBOL_FORM)
    return [wire_orders.order_status(o) for o in call.context.exchange.open_orders(call.account, symbol)]


def cancel_open_orders(call: Call) -> list[Json]:
    """``DELETE openOrders``."""
    symbol = call.parameters.text("symbol", SYMBOL_FORM)
    call.parameters.finish()
    return wire_orders.order_reports(call.context.exchange.cancel_open_orders(call.account, symbol))


def all_orders(call: Call) -> list[Json]:
    """``GET allOrders``."""
    parameters = call.parameters
    found = call.context.exchange.all_orders(
        call.account,
        parameters.text("symbol", SYMBOL_FORM),
        parameters.optional_integer("orderId"),
        parameters.optional_integer("startTime"),
        parameters.optional_integer("endTime"),
        parameters.limit(500, 1000),
    )
    return [wire_orders.order_status(order) for order in found]


def bad_value(name: str) -> WireError:
    """-1130: a value outside the parameter's choices."""
    return WireError(-1130, f"Data sent for parameter '{name}' is not valid.")


def read_response_type(parameters: Parameters) -> str | None:
    return parameters.optional_choice("newOrderRespType", RESPONSE_TYPES, bad_value("newOrderRespType"))


def read_side(parameters: Parameters) -> Side:
    return Side(parameters.choice("side", tuple(Side), WireError(-1117, "Invalid side.")))


def read_time_in_force(parameters: Parameters, name: str) -> TimeInForce | None:
    error = WireError(-1115, "Invalid timeInForce.")
    value = parameters.optional_choice(name, tuple(TimeInForce), error)
    return None if value is None else TimeInForce(value)


def read_self_trade_prevention(parameters: Parameters) -> None:
    parameters.optional_choice(
        "selfTradePreventionMode", (SELF_TRADE_PREVENTION, "NONE"), bad_value("selfTradePreventionMode")
    )


def refuse_closed_market(call: Call, symbol: str) -> None:
    """Raise if a fault has closed the symbol's market."""
    if call.context.faults.take("close_market", symbol=symbol) is not None:
        raise market_is_closed()


def count_placement(call: Call, orders: int, place: Callable[[], T]) -> T:
    """Place within the account's order limit; only accepted orders count."""
    limiter, now_ms = call.context.orders, call.context.server_time_ms()
    limiter.check(call.account, orders, now_ms)
    limiter.placed(call.account, orders, now_ms)
    try:
        result = place()
    except ExchangeError:
        limiter.placed(call.account, -orders, now_ms)
        raise
    call.headers.update(limiter.headers(call.account, now_ms))
    return result


def _read_order(parameters: Parameters) -> tuple[OrderRequest, str]:
    symbol = parameters.text("symbol", SYMBOL_FORM)
    side = read_side(parameters)
    order_type = OrderType(parameters.choice("type", tuple(OrderType), WireError(-1116, "Invalid orderType.")))
    _refuse_unsupported(parameters)
    read_self_trade_prevention(parameters)
    parameters.ignore("strategyId", "strategyType")
    request = OrderRequest(
        symbol=symbol,
        side=side,
        type=order_type,
        time_in_force=read_time_in_force(parameters, "timeInForce"),
        quantity=parameters.optional_decimal("quantity"),
        quote_quantity=parameters.optional_decimal("quoteOrderQty"),
        price=parameters.optional_decimal("price"),
        stop_price=parameters.optional_decimal("stopPrice"),
        client_order_id=parameters.optional_text("newClientOrderId", CLIENT_ID_FORM),
    )
    response_type = read_response_type(parameters)
    return request, response_type or wire_orders.default_response_type(order_type)


def _refuse_unsupported(parameters: Parameters) -> None:
    if parameters.has("icebergQty"):
        raise WireError(-1013, "Iceberg orders are not supported for this symbol.")
    if parameters.has("trailingDelta"):
        raise WireError(-1013, "Trailing stop orders are not supported for this symbol.")


def _read_order_name(parameters: Parameters) -> tuple[str, int | None, str | None]:
    symbol = parameters.text("symbol", SYMBOL_FORM)
    order_id = parameters.optional_integer("orderId")
    client_order_id = parameters.optional_text("origClientOrderId", CLIENT_ID_FORM)
    if order_id is None and client_order_id is None:
        raise wire_errors.one_of_parameters_missing("orderId", "origClientOrderId")
    return symbol, order_id, client_order_id


def _misbehave(call: Call, request: OrderRequest) -> None:
    """Apply the faults which concern a new order."""
    faults, exchange = call.context.faults, call.context.exchange
    refuse_closed_market(call, request.symbol)
    rejection = faults.take("reject_order", symbol=request.symbol)
    if rejection is not None:
        raise WireError(rejection.code or -2010, rejection.message or "This action is disabled on this account.")
    held = faults.take("hold_order", symbol=request.symbol)
    if held is not None and held.shape is not None:
        if call.context.server_time_ms() + 1000 * held.hold_seconds <= call.accepted_until_ms:
            exchange.place_order_later(call.account, request, held.hold_seconds)
            due = held.hold_seconds + _HELD_ORDER_SLACK_SECONDS
            asyncio.get_running_loop().call_later(due, exchange.advance)
        raise AnswerLost(held.shape)
    partial = faults.take("partial_fill", symbol=request.symbol)
    if partial is not None:
        exchange.fill_next_order_partly(partial.fraction)


def _open_orders_weight(values: Mapping[str, str]) -> int:
    return 6 if "symbol" in values else 80


ROUTES = (
    Route("POST", "/api/v3/order", place_order, 1, TRADING, Security.SIGNED, placement=True, free_on_success=True),
    Route("POST", "/api/v3/order/test", test_order, 1, TRADING, Security.SIGNED),
    Route("GET", "/api/v3/order", query_order, 4, TRADING, Security.SIGNED),
    Route("DELETE", "/api/v3/order", cancel_order, 1, TRADING, Security.SIGNED, free_on_success=True),
    Route("GET", "/api/v3/openOrders", open_orders, _open_orders_weight, TRADING, Security.SIGNED),
    Route("DELETE", "/api/v3/openOrders", cancel_open_orders, 1, TRADING, Security.SIGNED, free_on_success=True),
    Route("GET", "/api/v3/allOrders", all_orders, 20, TRADING, Security.SIGNED),
)
