"""The orders that can still trade, what they lock, and how they change."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from trading_platform.simulator.accounts import Accounts
from trading_platform.simulator.model import (
    NO_ORDER_LIST,
    ZERO,
    ListOrderStatus,
    ListStatus,
    Order,
    OrderList,
    OrderType,
    Side,
    SymbolRules,
)
from trading_platform.simulator.numbers import amount_up
from trading_platform.simulator.store import ListRow, Store


def amount_to_lock(order: Order) -> Decimal:
    """What the rest of an order can cost: base asset of a sale, quote asset of a purchase.

    A purchase at the market's price after a stop can't know its cost; it locks what it costs at
    the stop price.
    """
    if order.side is Side.SELL:
        return order.remaining
    return amount_up(order.remaining * (order.price or order.stop_price))


class OpenOrders:
    """All open orders, in memory and on disk, with the balances they lock.

    The legs of a list lock once, what the dearest of them needs.
    """

    def __init__(self, store: Store, accounts: Accounts, rules: dict[str, SymbolRules]) -> None:
        self._store = store
        self._accounts = accounts
        self._rules = rules
        self._open: dict[int, Order] = {}
        self.reload()

    def reload(self) -> None:
        """Forget what wasn't committed."""
        found = self._store.find(Order, "status IN ('NEW', 'PARTIALLY_FILLED')", ())
        self._open = {order.order_id: order for order in found}

    def get(self, order_id: int) -> Order | None:
        """An order, if it's open."""
        return self._open.get(order_id)

    def of_symbol(self, symbol: str) -> list[Order]:
        """Open orders of a symbol, oldest first."""
        return [order for order in self._oldest_first() if order.symbol == symbol]

    def of_account(self, account: str, symbol: str | None = None) -> list[Order]:
        """Open orders of an account, oldest first."""
        return [o for o in self._oldest_first() if o.account == account and symbol in (None, o.symbol)]

    def by_client_id(self, account: str, client_order_id: str) -> Order | None:
        """The open order under a client id."""
        for order in self._open.values():
            if order.account == account and order.client_order_id == client_order_id:
                return order
        return None

    def symbols(self) -> set[str]:
        """Symbols with open orders."""
        return {order.symbol for order in self._open.values()}

    def siblings(self, order: Order) -> list[Order]:
        """The other open legs of an order's list."""
        if order.order_list_id == NO_ORDER_LIST:
            return []
        return [
            other
            for other in self._open.values()
            if other.order_list_id == order.order_list_id and other.order_id != order.order_id
        ]

    def put(self, *orders: Order) -> None:
        """Take in new orders or new states of known ones, and lock what they now need.

        Legs of one list that change together must be put together.
        """
        before = self._locked_by(orders)
        for order in orders:
            self._store.save(order)
            if order.status.is_open:
                self._open[order.order_id] = order
            else:
                self._open.pop(order.order_id, None)
        after = self._locked_by(orders)
        for account, asset in before | after:
            key = (account, asset)
            self._accounts.lock(account, asset, after.get(key, ZERO) - before.get(key, ZERO))

    def locked_by(self, order: Order) -> Decimal:
        """What an open order, or its list, locks."""
        return sum(self._locked_by((order,)).values(), ZERO)

    def release(self, order: Order) -> None:
        """Unlock an order's balance, to be spent by a fill; the order's next `put` locks anew."""
        before = self._locked_by((order,))
        del self._open[order.order_id]
        for (account, asset), amount in before.items():
            self._accounts.lock(account, asset, -amount)

    def list_of(self, order_list_id: int) -> OrderList:
        """An order list with its orders as they stand."""
        row = self._store.find(ListRow, "order_list_id = ?", (order_list_id,))[0]
        return self.with_orders(row)

    def with_orders(self, row: ListRow) -> OrderList:
        """An order list with its orders as they stand."""
        legs = self._store.find(Order, "order_list_id = ?", (row.order_list_id,))
        return OrderList(
            row.order_list_id,
            row.account,
            row.symbol,
            row.list_client_order_id,
            "OCO",
            row.status,
            row.order_status,
            row.time_ms,
            tuple(legs),
        )

    def finish_list(self, order_list_id: int) -> OrderList:
        """Mark a list as done."""
        row = self._store.find(ListRow, "order_list_id = ?", (order_list_id,))[0]
        done = replace(row, status=ListStatus.ALL_DONE, order_status=ListOrderStatus.ALL_DONE)
        self._store.save(done)
        return self.with_orders(done)

    def _oldest_first(self) -> list[Order]:
        return [order for _, order in sorted(self._open.items())]

    def _lock_key(self, order: Order) -> tuple[str, str]:
        """Account and asset that an order locks."""
        rules = self._rules[order.symbol]
        return order.account, rules.base_asset if order.side is Side.SELL else rules.quote_asset

    def _locked_by(self, orders: tuple[Order, ...]) -> dict[tuple[str, str], Decimal]:
        """What the open ones among the orders and their lists lock, by account and asset."""
        groups: dict[int, Decimal] = {}
        keys: dict[int, tuple[str, str]] = {}
        for changed in orders:
            listed = changed.order_list_id != NO_ORDER_LIST
            group = -changed.order_list_id - 1 if listed else changed.order_id
            members = [self._open.get(changed.order_id), *self.siblings(changed)]
            keys[group] = self._lock_key(changed)
            groups[group] = max((amount_to_lock(m) for m in members if m is not None), default=ZERO)
        totals: dict[tuple[str, str], Decimal] = {}
        for group, amount in groups.items():
            totals[keys[group]] = totals.get(keys[group], ZERO) + amount
        return totals


def waits_below(order: Order) -> Decimal | None:
    """The price at or below which an order has something to do."""
    if order.type.has_trigger and not order.is_working:
        falls = order.type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
        return order.stop_price if falls is (order.side is Side.SELL) else None
    return order.price if order.side is Side.BUY else None


def waits_above(order: Order) -> Decimal | None:
    """The price at or above which an order has something to do."""
    if order.type.has_trigger and not order.is_working:
        return order.stop_price if waits_below(order) is None else None
    return order.price if order.side is Side.SELL else None


def is_reached(order: Order, price: Decimal) -> bool:
    """Whether an order has something to do at a price."""
    below, above = waits_below(order), waits_above(order)
    return (below is not None and price <= below) or (above is not None and price >= above)
