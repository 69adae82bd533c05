"""The public stream socket: which streams a client wants, in the exchange's little protocol."""

from __future__ import annotations

import contextlib
import json

from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.wire_market import Json
from trading_platform.simulator.ws_hub import StreamHub, Subscriber

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_POLICY_VIOLATION = 1008


class StreamProtocol:
    """Answers one socket's control messages."""

    def __init__(self, context: ServerContext, hub: StreamHub, subscriber: Subscriber) -> None:
        self._context = context
        self._hub = hub
        self._subscriber = subscriber

    def begin(self, names: list[str]) -> None:
        """Subscribe to the streams named in the URL; unknown ones stay silent."""
        for name in names:
            with contextlib.suppress(ExchangeError):
                self._hub.subscribe(self._subscriber, name)

    def receive(self, text: str) -> None:
        """Handle one incoming message."""
        try:
            message = json.loads(text)
        except json.JSONDecodeError as error:
            self._send(_error(3, f"Invalid JSON: {error.msg} at line {error.lineno} column {error.colno}"))
            return
        try:
            answer = self._answer(message)
        except ExchangeError as error:
            answer = _error(2, f"Invalid request: {error.message}", message.get("id"))
        self._send(answer)

    def _answer(self, message: object) -> Json:
        if not isinstance(message, dict) or "method" not in message:
            return _error(2, "Invalid request: missing field `method` at line 1 column 2")
        request_id, method = message.get("id"), message["method"]
        if not (request_id is None or isinstance(request_id, int | str)):
            return _error(2, "Invalid request: request ID must be an unsigned integer")
        if method not in _METHODS:
            known = ", ".join(f"`{name}`" for name in _METHODS)
            return _error(2, f"Invalid request: unknown variant `{method}`, expected one of {known}", request_id)
        parameters = message.get("params", [])
        if not isinstance(parameters, list):
            return _error(2, "Invalid request: invalid type: expected a sequence", request_id)
        return self._apply(method, parameters, request_id)

    def _apply(self, method: str, parameters: list[object], request_id: int | str | None) -> Json:
        if method == "SUBSCRIBE":
            return self._subscribe(parameters, request_id)
        if method == "UNSUBSCRIBE":
            for name in parameters:
                self._hub.unsubscribe(self._subscriber, str(name))
            return {"result": None, "id": request_id}
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self._subscriber.streams), "id": request_id}
        if parameters[:1] != ["combined"]:
            return _error(0, "Unknown property", request_id)
        if method == "GET_PROPERTY":
            return {"result": self._subscriber.combined, "id": request_id}
        if not isinstance(parameters[-1], bool):
            return _error(1, "Invalid value type: expected Boolean", request_id)
        self._subscriber.combined = parameters[-1]
        return {"result": None, "id": request_id}

    def _subscribe(self, names: list[object], request_id: int | str | None) -> Json:
        refusal = self._context.faults.take("refuse_subscription")
        if refusal is not None:
            return _error(refusal.code or 2, refusal.message or "Invalid request: refused", request_id)
        limit = self._context.limits.streams_per_connection
        if len(self._subscriber.streams) + len(names) > limit:
            return _error(2, f"Invalid request: more than {limit} streams on one connection", request_id)
        unknown = [
            name for name in names if not (isinstance(name, str) and self._hub.subscribe(self._subscriber, name))
        ]
        if unknown:
            return _error(2, f"Invalid request: unknown stream {unknown[0]!r}", request_id)
        return {"result": None, "id": request_id}

    def _send(self, answer: Json) -> None:
        self._subscriber.connection.send(json.dumps(answer, separators=(",", ":")).encode())


def _error(code: int, message: str, request_id: int | str | None = None) -> Json:
    return {"error": {"code": code, "msg": message}, "id": request_id}
