"""Orders as Binance's endpoints take them."""

from __future__ import annotations

from typing import Final

from trading_platform.domain.order import OrderKind, OrderRequest, Side

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


def wire_type(request: OrderRequest) -> str:
    """Binance's name of the kind, given the prices that the order has."""
    if request.kind is OrderKind.TAKE_PROFIT and request.stop_price is None:
        return "LIMIT_MAKER"
    name = request.kind.upper()
    is_stop_limit = request.kind.is_protective and request.limit_price is not None
    return f"{name}_LIMIT" if is_stop_limit else name
