"""User data: an account's own events, pushed over WS-API subscriptions."""

from __future__ import annotations

import json
from dataclasses import dataclass

from trading_platform.simulator import wire_events
from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.model import AccountEvent, BalancesEvent, ExecutionEvent, ExecutionType
from trading_platform.simulator.wire_market import Json
from trading_platform.simulator.ws_connection import Connection
from trading_platform.simulator.ws_hub import corrupt

USER_DATA = "userData"


@dataclass(frozen=True)
class _Subscription:
    connection: Connection
    account: str
    number: int


class UserDataHub:
    """Passes the exchange's account events on to the sockets which asked for them."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._subscriptions: list[_Subscription] = []
        self._stop = context.exchange.subscribe(self._on_event)

    def subscribe(self, connection: Connection, account: str) -> int:
        """Begin; returns the subscription's number on that socket."""
        taken = {s.number for s in self._subscriptions if s.connection is connection}
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        self._subscriptions.append(_Subscription(connection, account, number))
        return number

    def unsubscribe(self, connection: Connection, number: int | None) -> None:
        """End one subscription of a socket, or all of them, and say so."""
        for subscription in list(self._subscriptions):
            if subscription.connection is connection and number in (None, subscription.number):
                self._subscriptions.remove(subscription)
                self._send(subscription, wire_events.event_stream_terminated(self._context.server_time_ms()))

    def leave(self, connection: Connection) -> None:
        """The socket is gone."""
        self._subscriptions = [s for s in self._subscriptions if s.connection is not connection]

    def terminate_all(self) -> None:
        """End all subscriptions from the exchange's side; the sockets stay open."""
        for connection in {subscription.connection for subscription in self._subscriptions}:
            self.unsubscribe(connection, None)

    def close(self) -> None:
        """Listen no longer."""
        self._stop()

    def _on_event(self, event: AccountEvent) -> None:
        self._count_first_fill(event)
        for subscription in self._subscriptions:
            if subscription.account == event.account:
                self._send(subscription, _wire(event))

    def _send(self, subscription: _Subscription, event: Json) -> None:
        faults = self._context.faults
        symbol = str(event.get("s", ""))
        if faults.take("mute", stream=USER_DATA, symbol=symbol) is not None:
            return
        text = json.dumps({"subscriptionId": subscription.number, "event": event}, separators=(",", ":"))
        broken = faults.take("malformed", stream=USER_DATA, symbol=symbol, endpoint=None)
        payload = text.encode() if broken is None else corrupt(text, broken.shape or "")
        subscription.connection.send(payload)

    def _count_first_fill(self, event: AccountEvent) -> None:
        if not isinstance(event, ExecutionEvent) or event.execution_type is not ExecutionType.TRADE:
            return
        if event.trade is not None and event.order.executed_quantity == event.trade.quantity:
            self._context.orders.first_fill(event.account, self._context.server_time_ms(), maker=event.trade.is_maker)


def _wire(event: AccountEvent) -> Json:
    if isinstance(event, ExecutionEvent):
        return wire_events.execution_report(event)
    if isinstance(event, BalancesEvent):
        return wire_events.account_position(event)
    return wire_events.list_status(event)
