"""Looking up orders, order lists and fills."""

from __future__ import annotations

from trading_platform.simulator.errors import (
    mandatory_parameter,
    order_does_not_exist,
    order_list_does_not_exist,
    unknown_order_sent,
)
from trading_platform.simulator.model import Order, OrderList, Trade
from trading_platform.simulator.orders import OpenOrders
from trading_platform.simulator.store import ListRow, Store

_MAX_ROWS = 1000


class _Filter:
    """A condition in SQL, put together piece by piece."""

    def __init__(self, account: str) -> None:
        self._terms = ["account = ?"]
        self.values: list[object] = [account]

    def add(self, term: str, value: object) -> _Filter:
        """Also demand a term, unless its value is ``None``."""
        if value is not None:
            self._terms.append(term)
            self.values.append(value)
        return self

    @property
    def where(self) -> str:
        return " AND ".join(self._terms)


class OrderQueries:
    """Answers from the books, as they were last committed."""

    def __init__(self, store: Store, orders: OpenOrders) -> None:
        self._store = store
        self._orders = orders

    def order(self, account: str, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """The newest order under an id; -2013 if there's none."""
        if order_id is None and client_order_id is None:
            raise mandatory_parameter("orderId")
        by = _Filter(account).add("symbol = ?", symbol).add("order_id = ?", order_id)
        by.add("client_order_id = ?", client_order_id)
        found = self._store.find(Order, by.where, by.values, 1, newest=True)
        if not found:
            raise order_does_not_exist()
        return found[0]

    def open_order(self, account: str, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """The open order under an id; -2011 if there's none."""
        if order_id is None and client_order_id is None:
            raise mandatory_parameter("orderId")
        for order in self._orders.of_account(account, symbol):
            if order_id in (None, order.order_id) and client_order_id in (None, order.client_order_id):
                return order
        raise unknown_order_sent()

    def orders(
        self,
        account: str,
        symbol: str,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[Order]:
        """Orders from an id or a time on, or the newest ones."""
        by = _Filter(account).add("symbol = ?", symbol).add("order_id >= ?", from_id)
        by.add("time_ms >= ?", start_ms).add("time_ms <= ?", end_ms)
        newest = from_id is None and start_ms is None
        return self._store.find(Order, by.where, by.values, min(limit, _MAX_ROWS), newest)

    def trades(
        self,
        account: str,
        symbol: str,
        order_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        from_id: int | None,
        limit: int,
    ) -> list[Trade]:
        """Fills of an order, or from an id or a time on, or the newest ones."""
        by = _Filter(account).add("symbol = ?", symbol).add("order_id = ?", order_id)
        by.add("trade_id >= ?", from_id).add("time_ms >= ?", start_ms).add("time_ms <= ?", end_ms)
        newest = from_id is None and start_ms is None
        return self._store.find(Trade, by.where, by.values, min(limit, _MAX_ROWS), newest)

    def order_list(self, account: str, order_list_id: int | None, list_client_order_id: str | None) -> OrderList:
        """The newest list under an id; -2018 if there's none."""
        if order_list_id is None and list_client_order_id is None:
            raise mandatory_parameter("orderListId")
        by = _Filter(account).add("order_list_id = ?", order_list_id)
        by.add("list_client_order_id = ?", list_client_order_id)
        found = self._store.find(ListRow, by.where, by.values, 1, newest=True)
        if not found:
            raise order_list_does_not_exist()
        return self._orders.with_orders(found[0])

    def open_leg(self, account: str, symbol: str, order_list_id: int | None, list_client_order_id: str | None) -> Order:
        """An open order of an open list; -2011 if there's none."""
        if order_list_id is None and list_client_order_id is None:
            raise mandatory_parameter("orderListId")
        by = _Filter(account).add("symbol = ?", symbol).add("order_list_id = ?", order_list_id)
        by.add("list_client_order_id = ?", list_client_order_id).add("order_status = ?", "EXECUTING")
        lists = {row.order_list_id for row in self._store.find(ListRow, by.where, by.values)}
        for order in self._orders.of_account(account, symbol):
            if order.order_list_id in lists:
                return order
        raise unknown_order_sent()

    def open_order_lists(self, account: str) -> list[OrderList]:
        """Lists that still execute."""
        by = _Filter(account).add("order_status = ?", "EXECUTING")
        return [self._orders.with_orders(row) for row in self._store.find(ListRow, by.where, by.values)]

    def order_lists(
        self, account: str, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[OrderList]:
        """Lists from an id or a time on, or the newest ones."""
        by = _Filter(account).add("order_list_id >= ?", from_id)
        by.add("time_ms >= ?", start_ms).add("time_ms <= ?", end_ms)
        newest = from_id is None and start_ms is None
        found = self._store.find(ListRow, by.where, by.values, min(limit, _MAX_ROWS), newest)
        return [self._orders.with_orders(row) for row in found]
