"""Requests about order lists: one cancels the other (OCO)."""

from __future__ import annotations

from trading_platform.simulator import wire_errors, wire_orders
from trading_platform.simulator.call import Call, Route, Security
from trading_platform.simulator.errors import mandatory_parameter
from trading_platform.simulator.http_orders import (
    TRADING,
    bad_value,
    count_placement,
    read_response_type,
    read_self_trade_prevention,
    read_side,
    read_time_in_force,
    refuse_closed_market,
)
from trading_platform.simulator.model import OcoLeg, OcoRequest, OrderType, Side
from trading_platform.simulator.wire_errors import WireError
from trading_platform.simulator.wire_market import Json
from trading_platform.simulator.wire_parameters import CLIENT_ID_FORM, SYMBOL_FORM, Parameters

_LEG_TYPES = tuple(kind for kind in OrderType if kind not in (OrderType.LIMIT, OrderType.MARKET))


def place_oco(call: Call) -> Json:
    """``POST orderList/oco``: the legs named by where they lie, above and below the market."""
    parameters = call.parameters
    symbol, side = parameters.text("symbol", SYMBOL_FORM), read_side(parameters)
    quantity = parameters.optional_decimal("quantity")
    if quantity is None:
        raise mandatory_parameter("quantity")
    request = OcoRequest(
        symbol=symbol,
        side=side,
        quantity=quantity,
        above=_read_leg(parameters, "above"),
        below=_read_leg(parameters, "below"),
        list_client_order_id=parameters.optional_text("listClientOrderId", CLIENT_ID_FORM),
    )
    return _place(call, request)


def place_legacy_oco(call: Call) -> Json:
    """``POST order/oco``: the older form, a limit maker and a stop."""
    parameters = call.parameters
    symbol, side = parameters.text("symbol", SYMBOL_FORM), read_side(parameters)
    quantity, price = parameters.optional_decimal("quantity"), parameters.optional_decimal("price")
    stop_price = parameters.optional_decimal("stopPrice")
    for name, value in (("quantity", quantity), ("price", price), ("stopPrice", stop_price)):
        if value is None:
            raise mandatory_parameter(name)
    assert quantity is not None
    stop_limit = parameters.optional_decimal("stopLimitPrice")
    target = OcoLeg(
        OrderType.LIMIT_MAKER,
        price=price,
        client_order_id=parameters.optional_text("limitClientOrderId", CLIENT_ID_FORM),
    )
    stop = OcoLeg(
        OrderType.STOP_LOSS if stop_limit is None else OrderType.STOP_LOSS_LIMIT,
        price=stop_limit,
        stop_price=stop_price,
        time_in_force=read_time_in_force(parameters, "stopLimitTimeInForce"),
        client_order_id=parameters.optional_text("stopClientOrderId", CLIENT_ID_FORM),
    )
    above, below = (target, stop) if side is Side.SELL else (stop, target)
    list_id = parameters.optional_text("listClientOrderId", CLIENT_ID_FORM)
    return _place(call, OcoRequest(symbol, side, quantity, above, below, list_id))


def query_order_list(call: Call) -> Json:
    """``GET orderList``."""
    list_id, client_id = _read_list_name(call.parameters, "origClientOrderId")
    return wire_orders.order_list(call.context.exchange.order_list(call.account, list_id, client_id))


def cancel_order_list(call: Call) -> Json:
    """``DELETE orderList``."""
    parameters = call.parameters
    symbol = parameters.text("symbol", SYMBOL_FORM)
    list_id, client_id = _read_list_name(parameters, "listClientOrderId")
    parameters.ignore("newClientOrderId")
    parameters.finish()
    canceled = call.context.exchange.cancel_order_list(call.account, symbol, list_id, client_id)
    return wire_orders.canceled_order_list(canceled)


def open_order_lists(call: Call) -> list[Json]:
    """``GET openOrderList``."""
    return [wire_orders.order_list(found) for found in call.context.exchange.open_order_lists(call.account)]


def all_order_lists(call: Call) -> list[Json]:
    """``GET allOrderList``."""
    parameters = call.parameters
    found = call.context.exchange.all_order_lists(
        call.account,
        parameters.optional_integer("fromId"),
        parameters.optional_integer("startTime"),
        parameters.optional_integer("endTime"),
        parameters.limit(500, 1000),
    )
    return [wire_orders.order_list(order_list) for order_list in found]


def _place(call: Call, request: OcoRequest) -> Json:
    refuse_closed_market(call, request.symbol)
    response_type = read_response_type(call.parameters) or "RESULT"
    read_self_trade_prevention(call.parameters)
    call.parameters.finish()
    placed = count_placement(call, 2, lambda: call.context.exchange.place_oco(call.account, request))
    return wire_orders.placed_order_list(placed, response_type)


def _read_leg(parameters: Parameters, where: str) -> OcoLeg:
    unsupported = WireError(-1158, "Order type not supported in OCO.")
    kind = OrderType(parameters.choice(f"{where}Type", _LEG_TYPES, unsupported))
    for name in ("IcebergQty", "TrailingDelta"):
        if parameters.has(where + name):
            raise bad_value(where + name)
    parameters.ignore(f"{where}StrategyId", f"{where}StrategyType")
    return OcoLeg(
        kind,
        price=parameters.optional_decimal(f"{where}Price"),
        stop_price=parameters.optional_decimal(f"{where}StopPrice"),
        time_in_force=read_time_in_force(parameters, f"{where}TimeInForce"),
        client_order_id=parameters.optional_text(f"{where}ClientOrderId", CLIENT_ID_FORM),
    )


def _read_list_name(parameters: Parameters, client_id_name: str) -> tuple[int | None, str | None]:
    list_id = parameters.optional_integer("orderListId")
    client_id = parameters.optional_text(client_id_name, CLIENT_ID_FORM)
    if list_id is None and client_id is None:
        raise wire_errors.one_of_parameters_missing("orderListId", client_id_name)
    return list_id, client_id


ROUTES = (
    Route(
        "POST", "/api/v3/orderList/oco", place_oco, 1, TRADING, Security.SIGNED, placement=True,
        free_on_success=True,
    ),
    Route(
        "POST", "/api/v3/order/oco", place_legacy_oco, 1, TRADING, Security.SIGNED, placement=True,
        free_on_success=True,
    ),
    Route("GET", "/api/v3/orderList", query_order_list, 4, TRADING, Security.SIGNED),
    Route("DELETE", "/api/v3/orderList", cancel_order_list, 1, TRADING, Security.SIGNED, free_on_success=True),
    Route("GET", "/api/v3/openOrderList", open_order_lists, 6, TRADING, Security.SIGNED),
    Route("GET", "/api/v3/allOrderList", all_order_lists, 20, TRADING, Security.SIGNED),
)  # fmt: skip
