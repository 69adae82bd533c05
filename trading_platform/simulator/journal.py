"""What happened in a transaction, told to the listeners once it's durable."""

from __future__ import annotations

from collections.abc import Callable

from trading_platform.simulator.accounts import Accounts
from trading_platform.simulator.model import (
    AccountEvent,
    BalancesEvent,
    ExecutionEvent,
    ExecutionType,
    ListEvent,
    Order,
    OrderList,
    Trade,
)

Listener = Callable[[AccountEvent], None]


class Journal:
    """Events of the open transaction, and who wants to know."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._pending: list[AccountEvent] = []
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the answer removes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def execution(
        self, kind: ExecutionType, order: Order, trade: Trade | None = None, original_client_order_id: str = ""
    ) -> None:
        """An order changed."""
        event = ExecutionEvent(order.account, kind, order, trade, order.update_time_ms, original_client_order_id)
        self._pending.append(event)

    def list_changed(self, order_list: OrderList, time_ms: int) -> None:
        """An order list changed."""
        self._pending.append(ListEvent(order_list.account, order_list, time_ms))

    def publish(self, time_ms: int) -> None:
        """Tell the listeners; called after the commit."""
        events, self._pending = self._pending, []
        for account, balances in self._accounts.take_changes().items():
            events.append(BalancesEvent(account, balances, time_ms))
        for listener in tuple(self._listeners):
            for event in events:
                listener(event)

    def forget(self) -> None:
        """The transaction was rolled back: nothing happened."""
        self._pending.clear()
