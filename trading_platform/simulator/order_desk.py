"""Where orders come in and are withdrawn. Changes await the store's commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from trading_platform.simulator.accounts import Accounts
from trading_platform.simulator.book import Appetite
from trading_platform.simulator.errors import (
    ExchangeError,
    duplicate_order,
    filter_failure,
    insufficient_balance,
    order_rejected,
    unknown_order_sent,
)
from trading_platform.simulator.journal import Journal
from trading_platform.simulator.market import Market, Tick
from trading_platform.simulator.matching import Matcher
from trading_platform.simulator.model import (
    NO_ORDER_LIST,
    ZERO,
    CanceledOrder,
    ExecutionType,
    ListOrderStatus,
    ListStatus,
    OcoRequest,
    Order,
    OrderList,
    OrderRequest,
    OrderStatus,
    PlacedOrder,
    Side,
    SymbolRules,
    TimeInForce,
)
from trading_platform.simulator.numbers import floor_to
from trading_platform.simulator.order_checks import (
    check_against_book,
    check_counts,
    check_oco_prices,
    check_parameters,
    check_price_filters,
    check_size_filters,
    oco_legs,
)
from trading_platform.simulator.orders import OpenOrders, amount_to_lock, is_reached
from trading_platform.simulator.store import ListRow, Store

NOT_WORKING = -1


class OrderDesk:
    """Checks, accepts and cancels orders."""

    def __init__(
        self,
        market: Market,
        store: Store,
        accounts: Accounts,
        orders: OpenOrders,
        matcher: Matcher,
        journal: Journal,
    ) -> None:
        self._market = market
        self._store = store
        self._accounts = accounts
        self._orders = orders
        self._matcher = matcher
        self._journal = journal
        self._next_fraction: Decimal | None = None
        self._next_refusal: ExchangeError | None = None

    # Misbehaviour -----------------------------------------------------------------------

    def fill_next_partly(self, fraction: Decimal) -> None:
        """The next order accepted takes no more than this fraction of its quantity at once."""
        self._next_fraction = fraction

    def refuse_next(self, error: ExchangeError) -> None:
        """The next order is refused with this error."""
        self._next_refusal = error

    # In ---------------------------------------------------------------------------------

    def check(self, account: str, request: OrderRequest, rules: SymbolRules, now_ms: int) -> Decimal:
        """Raise the exchange's refusal of an order, if it has one; returns the order's quantity."""
        check_parameters(request)
        self._market.require_open(request.symbol, now_ms)
        tick = self._market.tick(request.symbol, now_ms)
        average = self._market.average_price(request.symbol, now_ms)
        check_price_filters(request, rules, average)
        quantity = self._quantity(request, tick)
        check_size_filters(request, quantity, rules, average)
        check_counts(self._orders.of_account(account, request.symbol), [request], rules)
        self._check_client_id(account, request)
        check_against_book(request, tick)
        draft = self._draft(account, request, quantity, now_ms)
        if _would_trigger(draft, tick):
            raise order_rejected("Stop price would trigger immediately.")
        self._check_funds(draft, amount_to_lock(draft), rules)
        if not draft.type.has_limit and draft.is_working and draft.side is Side.BUY:
            self._check_funds(draft, self._market_cost(draft, tick), rules)
        return quantity

    def place(self, account: str, request: OrderRequest, rules: SymbolRules, now_ms: int) -> PlacedOrder:
        """Accept an order and match what matches at once."""
        quantity = self.check(account, request, rules, now_ms)
        self._refuse_if_told()
        order = self._draft(account, request, quantity, now_ms)
        self._orders.put(order)
        self._journal.execution(ExecutionType.NEW, order)
        tick = self._market.tick(request.symbol, now_ms)
        self._matcher.note_present(request.symbol, tick)
        fraction, self._next_fraction = self._next_fraction, None
        if not order.is_working:
            return PlacedOrder(order, ())
        most = None if fraction is None else floor_to(quantity * fraction, rules.step_size)
        return PlacedOrder(*self._matcher.take(order, tick, now_ms, most))

    def place_oco(self, account: str, request: OcoRequest, rules: SymbolRules, now_ms: int) -> OrderList:
        """Accept two orders of which at most one trades."""
        legs = oco_legs(request)
        self._market.require_open(request.symbol, now_ms)
        tick = self._market.tick(request.symbol, now_ms)
        average = self._market.average_price(request.symbol, now_ms)
        for leg in legs:
            check_parameters(leg)
            check_price_filters(leg, rules, average)
            check_size_filters(leg, request.quantity, rules, average)
            self._check_client_id(account, leg)
        check_oco_prices(*legs, tick)
        self._check_list_counts(account, legs, rules)
        self._check_list_ids(account, request, legs)
        first_id = self._store.next_id(Order)
        list_id = self._store.next_id(ListRow)
        drafts = [
            replace(
                self._draft(account, leg, request.quantity, now_ms, first_id + index),
                order_list_id=list_id,
            )
            for index, leg in enumerate(legs)
        ]
        self._check_funds(drafts[0], max(map(amount_to_lock, drafts)), rules)
        self._refuse_if_told()
        row = ListRow(
            list_id,
            account,
            request.symbol,
            request.list_client_order_id or f"simlist{list_id:012d}",
            ListStatus.EXEC_STARTED,
            ListOrderStatus.EXECUTING,
            now_ms,
        )
        self._store.save(row)
        self._orders.put(*drafts)
        self._matcher.note_present(request.symbol, tick)
        for draft in drafts:
            self._journal.execution(ExecutionType.NEW, draft)
        order_list = self._orders.with_orders(row)
        self._journal.list_changed(order_list, now_ms)
        return order_list

    # Out --------------------------------------------------------------------------------

    def cancel(self, order: Order, now_ms: int, cancel_id: str | None) -> CanceledOrder:
        """Cancel an open order, with its list if it has one."""
        legs = [order, *self._orders.siblings(order)]
        canceled = self._cancel_all(legs, now_ms, cancel_id)
        return canceled[0]

    def cancel_open(self, account: str, symbol: str, now_ms: int) -> list[CanceledOrder | OrderList]:
        """Cancel everything open on a symbol."""
        canceled: list[CanceledOrder | OrderList] = []
        for order in self._orders.of_account(account, symbol):
            if self._orders.get(order.order_id) is None:
                continue
            result = self.cancel(order, now_ms, None)
            listed = order.order_list_id != NO_ORDER_LIST
            canceled.append(self._orders.list_of(order.order_list_id) if listed else result)
        if not canceled:
            raise unknown_order_sent()
        return canceled

    def _cancel_all(self, orders: list[Order], now_ms: int, cancel_id: str | None) -> list[CanceledOrder]:
        canceled = [replace(o, status=OrderStatus.CANCELED, update_time_ms=now_ms) for o in orders]
        self._orders.put(*canceled)
        results = []
        for order in canceled:
            name = cancel_id or f"simcancel{order.order_id:012d}"
            results.append(CanceledOrder(order, name))
            self._journal.execution(ExecutionType.CANCELED, order, None, order.client_order_id)
        if canceled[0].order_list_id != NO_ORDER_LIST:
            self._journal.list_changed(self._orders.finish_list(canceled[0].order_list_id), now_ms)
        return results

    # Parts ------------------------------------------------------------------------------

    def _refuse_if_told(self) -> None:
        refusal, self._next_refusal = self._next_refusal, None
        if refusal is not None:
            raise refusal

    def _quantity(self, request: OrderRequest, tick: Tick) -> Decimal:
        """The quantity asked for, or what the quote quantity trades at the present book."""
        if request.quantity is not None:
            return request.quantity
        appetite = Appetite(request.side, None, request.quote_quantity, None)
        return sum((f.quantity for f in self._matcher.preview(request.symbol, tick, appetite)), ZERO)

    def _market_cost(self, order: Order, tick: Tick) -> Decimal:
        appetite = Appetite(order.side, order.quantity, None, None)
        return sum((f.price * f.quantity for f in self._matcher.preview(order.symbol, tick, appetite)), ZERO)

    def _draft(self, account: str, request: OrderRequest, quantity: Decimal, now_ms: int, order_id: int = 0) -> Order:
        order_id = order_id or self._store.next_id(Order)
        works = not request.type.has_trigger
        return Order(
            order_id,
            NO_ORDER_LIST,
            account,
            request.client_order_id or f"sim{order_id:016d}",
            request.symbol,
            request.side,
            request.type,
            request.time_in_force or TimeInForce.GTC,
            request.price or ZERO,
            request.stop_price or ZERO,
            quantity,
            request.quote_quantity or ZERO,
            ZERO,
            ZERO,
            OrderStatus.NEW,
            now_ms,
            now_ms,
            now_ms if works else NOT_WORKING,
            works,
        )

    def _check_client_id(self, account: str, request: OrderRequest) -> None:
        name = request.client_order_id
        if name is not None and self._orders.by_client_id(account, name) is not None:
            raise duplicate_order()

    def _check_list_ids(self, account: str, request: OcoRequest, legs: Iterable[OrderRequest]) -> None:
        names = [leg.client_order_id for leg in legs if leg.client_order_id is not None]
        name = request.list_client_order_id
        taken = self._store.find(
            ListRow,
            "account = ? AND list_client_order_id = ? AND order_status = 'EXECUTING'",
            (account, name),
        )
        if taken or len(set(names)) != len(names):
            raise duplicate_order()

    def _check_list_counts(self, account: str, legs: tuple[OrderRequest, ...], rules: SymbolRules) -> None:
        open_orders = self._orders.of_account(account, rules.symbol)
        check_counts(open_orders, list(legs), rules)
        lists = {o.order_list_id for o in open_orders} - {NO_ORDER_LIST}
        if len(lists) >= rules.max_order_lists:
            raise filter_failure("MAX_NUM_ORDER_LISTS")

    def _check_funds(self, order: Order, amount: Decimal, rules: SymbolRules) -> None:
        asset = rules.base_asset if order.side is Side.SELL else rules.quote_asset
        if amount > self._accounts.balance(order.account, asset).free:
            raise insufficient_balance()


def _would_trigger(order: Order, tick: Tick) -> bool:
    return order.type.has_trigger and is_reached(order, tick.price)
