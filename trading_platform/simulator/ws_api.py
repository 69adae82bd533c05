"""The WebSocket API: the REST requests as JSON messages, and user data subscriptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from trading_platform.simulator import (
    http_account,
    http_market,
    http_order_lists,
    http_orders,
)
from trading_platform.simulator.call import AnswerLost, Call, Route, Security
from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.http_pipeline import check_signed
from trading_platform.simulator.wire_errors import WireError
from trading_platform.simulator.wire_market import Json
from trading_platform.simulator.wire_parameters import Parameters
from trading_platform.simulator.ws_connection import Connection
from trading_platform.simulator.ws_user_data import UserDataHub

_REST = {
    (route.method, route.path.removeprefix("/api/v3/")): route
    for module in (http_market, http_orders, http_order_lists, http_account)
    for route in module.ROUTES
}
METHODS: Mapping[str, Route] = {
    "ping": _REST["GET", "ping"],
    "time": _REST["GET", "time"],
    "exchangeInfo": _REST["GET", "exchangeInfo"],
    "depth": _REST["GET", "depth"],
    "trades.recent": _REST["GET", "trades"],
    "trades.aggregate": _REST["GET", "aggTrades"],
    "klines": _REST["GET", "klines"],
    "uiKlines": _REST["GET", "uiKlines"],
    "avgPrice": _REST["GET", "avgPrice"],
    "ticker.24hr": _REST["GET", "ticker/24hr"],
    "ticker.price": _REST["GET", "ticker/price"],
    "ticker.book": _REST["GET", "ticker/bookTicker"],
    "order.place": _REST["POST", "order"],
    "order.test": _REST["POST", "order/test"],
    "order.status": _REST["GET", "order"],
    "order.cancel": _REST["DELETE", "order"],
    "openOrders.status": _REST["GET", "openOrders"],
    "openOrders.cancelAll": _REST["DELETE", "openOrders"],
    "allOrders": _REST["GET", "allOrders"],
    "orderList.place": _REST["POST", "order/oco"],
    "orderList.place.oco": _REST["POST", "orderList/oco"],
    "orderList.status": _REST["GET", "orderList"],
    "orderList.cancel": _REST["DELETE", "orderList"],
    "openOrderLists.status": _REST["GET", "openOrderList"],
    "allOrderLists": _REST["GET", "allOrderList"],
    "account.status": _REST["GET", "account"],
    "account.commission": _REST["GET", "account/commission"],
    "account.rateLimits.orders": _REST["GET", "rateLimit/order"],
    "myTrades": _REST["GET", "myTrades"],
}
_SUBSCRIBE = "userDataStream.subscribe.signature"
_UNSUBSCRIBE = "userDataStream.unsubscribe"
_SUBSCRIPTION_WEIGHT = 2
_RATE_LIMITS_SWITCH = "returnRateLimits"


class ApiProtocol:
    """Answers one WS-API socket."""

    def __init__(self, context: ServerContext, users: UserDataHub, connection: Connection, address: str) -> None:
        self._context = context
        self._users = users
        self._connection = connection
        self._address = address

    def receive(self, text: str) -> None:
        """Handle one request."""
        request_id: object = None
        request: Mapping[str, object] = {}
        try:
            request_id, request = _parse(text)
            answer = self._answer(request)
        except AnswerLost:
            return
        except ExchangeError as error:
            body = {"code": error.code, "msg": error.message}
            self._send({"id": request_id, "status": error.http_status, "error": body})
            return
        if not self._is_lost(request):
            self._send({"id": request_id, "status": 200, "result": answer})

    def _answer(self, request: Mapping[str, object]) -> object:
        method = request.get("method")
        parameters = _texts(request.get("params", {}))
        if method == _SUBSCRIBE:
            return self._subscribe(parameters)
        if method == _UNSUBSCRIBE:
            return self._unsubscribe(parameters)
        route = METHODS.get(str(method))
        if route is None:
            raise WireError(-1020, f"This operation is not supported: method {method!r}.")
        return self._call(route, parameters)

    def _call(self, route: Route, values: dict[str, str]) -> object:
        self._apply_faults(route)
        self._context.requests.admit(self._address, route.weigh(values), self._context.server_time_ms())
        call = self._open(values, signed=route.security is Security.SIGNED)
        result = route.handler(call)
        call.parameters.finish()
        if route.free_on_success:
            self._context.requests.refund(self._address, route.weigh(values), self._context.server_time_ms())
        return result

    def _subscribe(self, values: dict[str, str]) -> Json:
        now_ms = self._context.server_time_ms()
        self._context.requests.admit(self._address, _SUBSCRIPTION_WEIGHT, now_ms)
        call = self._open(values, signed=True)
        call.parameters.finish()
        return {"subscriptionId": self._users.subscribe(self._connection, call.account)}

    def _unsubscribe(self, values: dict[str, str]) -> Json:
        values.pop(_RATE_LIMITS_SWITCH, None)
        parameters = Parameters(values)
        number = parameters.optional_integer("subscriptionId")
        parameters.finish()
        self._users.unsubscribe(self._connection, number)
        return {}

    def _open(self, values: dict[str, str], *, signed: bool) -> Call:
        signature = values.pop("signature", None) if signed else None
        payload = urlencode(sorted(values.items()))
        values.pop(_RATE_LIMITS_SWITCH, None)
        if not signed:
            return Call(self._context, Parameters(values), self._address)
        api_key = values.pop("apiKey", None)
        parameters = Parameters(values)
        known_key = check_signed(self._context, api_key, parameters, payload, signature)
        return Call(self._context, parameters, self._address, known_key)

    def _apply_faults(self, route: Route) -> None:
        names = route.fault_names()
        if self._context.faults.take_for_endpoint("rest_mute", names) is not None:
            raise AnswerLost("hang")
        refusal = self._context.faults.take_for_endpoint("status", names)
        if refusal is not None:
            raise WireError(refusal.code or -1000, refusal.message or "", status=refusal.status)

    def _is_lost(self, request: Mapping[str, object]) -> bool:
        route = METHODS.get(str(request.get("method")))
        if route is None:
            return False
        return self._context.faults.take_for_endpoint("lose_answer", route.fault_names()) is not None

    def _send(self, answer: Json) -> None:
        rule = self._context.limits.weight_rule()
        used = self._context.requests.used_weight(self._address, self._context.server_time_ms())
        answer["rateLimits"] = [rule.wire() | {"count": used}]
        self._connection.send(json.dumps(answer, separators=(",", ":")).encode())


def _parse(text: str) -> tuple[object, Mapping[str, object]]:
    """The request's id as it was sent, and the request with its numbers as the text that was signed."""
    try:
        request = json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError:
        raise WireError(-1135, "Invalid JSON Request") from None
    if not isinstance(request, dict):
        raise WireError(-1135, "Invalid JSON Request")
    return json.loads(text).get("id"), request


def _texts(parameters: object) -> dict[str, str]:
    if not isinstance(parameters, dict):
        raise WireError(-1135, "JSON sent for parameter 'params' is not valid")
    return {str(name): _text(value) for name, value in parameters.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    return "" if value is None else str(value)
