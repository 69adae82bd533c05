"""Orders as Binance's endpoints take them."""

from __future__ import annotations

from typing import Final

from trading_platform.domain.order import OrderKind, OrderListRequest, OrderRequest, Side

SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}


def order_parameters(request: OrderRequest, wire_symbol: str) -> dict[str, str]:
    """Parameters of a new order, the window of its time excepted."""
    parameters = {
        "symbol": wire_symbol,
        "side": SIDES[request.side],
        "type": wire_type(request),
        "quantity": format(request.quantity, "f"),
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "FULL",
    }
    if request.limit_price is not None:
        parameters["price"] = format(request.limit_price, "f")
        if parameters["type"] != "LIMIT_MAKER":
            parameters["timeInForce"] = "GTC"
    if request.stop_price is not None:
        parameters["stopPrice"] = format(request.stop_price, "f")
    return parameters


def list_parameters(request: OrderListRequest, wire_symbol: str) -> dict[str, str]:
    """Parameters of a sell list (OCO): the target above the market, the stop below it."""
    stop, target = request.stop, request.target
    return {
        "symbol": wire_symbol,
        "side": SIDES[stop.side],
        "quantity": format(stop.quantity, "f"),
        "listClientOrderId": request.list_id,
        "newOrderRespType": "RESULT",
        **_leg_parameters("above", target),
        **_leg_parameters("below", stop),
    }


def _leg_parameters(where: str, leg: OrderRequest) -> dict[str, str]:
    parameters = {f"{where}Type": wire_type(leg), f"{where}ClientOrderId": leg.client_order_id}
    if leg.limit_price is not None:
        parameters[f"{where}Price"] = format(leg.limit_price, "f")
        if parameters[f"{where}Type"] != "LIMIT_MAKER":
            parameters[f"{where}TimeInForce"] = "GTC"
    if leg.stop_price is not None:
        parameters[f"{where}StopPrice"] = format(leg.stop_price, "f")
    return parameters


def wire_type(request: OrderRequest) -> str:
    """Binance's name of the kind, given the prices that the order has."""
    if request.kind is OrderKind.TAKE_PROFIT and request.stop_price is None:
        return "LIMIT_MAKER"
    name = request.kind.upper()
    is_stop_limit = request.kind.is_protective and request.limit_price is not None
    return f"{name}_LIMIT" if is_stop_limit else name
