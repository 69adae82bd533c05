"""How orders trade.

New orders and orders whose stop price was reached take from the synthetic book; what rests is
filled by the trades that reach its price: one at exactly that price gives a share of its volume,
one beyond it the whole. Orders are matched moment by moment along the market's path, so what
trades doesn't depend on how often anyone looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from trading_platform.simulator.accounts import Accounts, Transfer
from trading_platform.simulator.book import Appetite, Fill, levels, take, without_taken
from trading_platform.simulator.config import SimulatorConfig
from trading_platform.simulator.journal import Journal
from trading_platform.simulator.market import Market, Tick
from trading_platform.simulator.model import (
    NO_ORDER_LIST,
    ZERO,
    ExecutionType,
    Level,
    Order,
    OrderStatus,
    Side,
    SymbolRules,
    TimeInForce,
    Trade,
)
from trading_platform.simulator.numbers import amount_down, floor_to, share_of
from trading_platform.simulator.orders import OpenOrders, is_reached, waits_above, waits_below
from trading_platform.simulator.store import Store


class _Taken(NamedTuple):
    """What orders took from one side of the book at a moment; the next moment's book is fresh."""

    number: int
    quantity: Decimal
    times: int


class Matcher:
    """Moves orders along the market's path. Everything it changes awaits the store's commit."""

    def __init__(
        self,
        config: SimulatorConfig,
        market: Market,
        store: Store,
        accounts: Accounts,
        orders: OpenOrders,
        journal: Journal,
    ) -> None:
        self._config = config
        self._market = market
        self._store = store
        self._accounts = accounts
        self._orders = orders
        self._journal = journal
        self._rules = {rules.symbol: rules for rules in market.symbols}
        self._taken: dict[tuple[str, Side], _Taken] = {}
        self._cursors: dict[str, int] = {}
        self._next_trade_id = 0
        self.reload()

    def reload(self) -> None:
        """Forget what wasn't committed."""
        self._cursors = self._store.cursors()
        self._next_trade_id = self._store.next_id(Trade)

    # Along the path ---------------------------------------------------------------------

    def match_until(self, now_ms: int) -> None:
        """Let all open orders meet the market up to a time, in the order of time."""
        due: dict[str, Tick] = {}
        for symbol in sorted(self._orders.symbols()):
            self._schedule(due, symbol, now_ms)
        while due:
            symbol = min(due, key=lambda name: (due[name].time_ms, name))
            self._meet(symbol, due.pop(symbol))
            self._schedule(due, symbol, now_ms)

    def _schedule(self, due: dict[str, Tick], symbol: str, now_ms: int) -> None:
        """Find the next moment at which one of a symbol's orders has something to do."""
        orders = self._orders.of_symbol(symbol)
        if not orders:
            return
        below = max((p for p in map(waits_below, orders) if p is not None), default=None)
        above = min((p for p in map(waits_above, orders) if p is not None), default=None)
        cursor = self._cursors[symbol]
        present = self._market.number_at(symbol, now_ms)
        if present <= cursor:
            return
        tick = self._market.next_tick(symbol, cursor, now_ms, below, above)
        if tick is None:
            self._cursors[symbol] = present
        else:
            due[symbol] = tick

    def _meet(self, symbol: str, tick: Tick) -> None:
        self._cursors[symbol] = tick.number
        reached = [order for order in self._orders.of_symbol(symbol) if is_reached(order, tick.price)]
        resting = sorted((o for o in reached if o.is_working), key=_price_time_priority)
        for order in reached:
            if not order.is_working and self._orders.get(order.order_id):
                self._trigger(order, tick)
        self._fill_resting(resting, tick)
        if self._store.has_changes:
            self._store.save_cursor(symbol, tick.number)

    def _trigger(self, order: Order, tick: Tick) -> None:
        self._expire_siblings(order, tick.time_ms)
        working = replace(order, is_working=True, working_time_ms=tick.time_ms, update_time_ms=tick.time_ms)
        self._orders.put(working)
        self._journal.execution(ExecutionType.NEW, working)
        self.take(working, tick, tick.time_ms)

    def _fill_resting(self, resting: list[Order], tick: Tick) -> None:
        used = ZERO
        for order in resting:
            standing = self._orders.get(order.order_id)
            if standing is None:
                continue
            at_price = tick.price == standing.price
            volume = tick.quantity * self._config.maker_volume_share if at_price else tick.quantity
            step = self._rules[order.symbol].step_size
            quantity = min(standing.remaining, floor_to(max(volume - used, ZERO), step))
            if quantity > ZERO:
                used += quantity
                self._fill(standing, Fill(standing.price, quantity), tick.time_ms, is_maker=True)

    # Taking from the book ---------------------------------------------------------------

    def book_side(self, symbol: str, tick: Tick, side: Side) -> Iterator[Level]:
        """The bids (``BUY``) or asks (``SELL``) left at a moment."""
        rules = self._rules[symbol]
        book = levels(tick, rules, self._config.book_level_bps, side)
        return without_taken(book, self._taken_at(symbol, side, tick).quantity)

    def taken_times(self, symbol: str, tick: Tick) -> int:
        """How often orders have taken from the book at this very moment."""
        return sum(self._taken_at(symbol, side, tick).times for side in Side)

    def preview(self, symbol: str, tick: Tick, appetite: Appetite) -> list[Fill]:
        """What an order would get from the book."""
        book = self.book_side(symbol, tick, Side.SELL if appetite.side is Side.BUY else Side.BUY)
        return take(book, appetite, self._rules[symbol].step_size)

    def note_present(self, symbol: str, tick: Tick) -> None:
        """A new order meets the market from the next moment on only."""
        self._cursors[symbol] = max(tick.number, self._cursors.get(symbol, tick.number))
        self._store.save_cursor(symbol, self._cursors[symbol])

    def take(
        self, order: Order, tick: Tick, time_ms: int, most: Decimal | None = None
    ) -> tuple[Order, tuple[Trade, ...]]:
        """Let a working order take from the book; rest or expire what's left.

        Parameters
        ----------
        most
            The most it may get now, if the book isn't to be the only limit.
        """
        limit = order.price if order.type.has_limit else None
        quantity = order.remaining if most is None else min(most, order.remaining)
        appetite = Appetite(order.side, quantity, self._budget(order), limit)
        fills = self.preview(order.symbol, tick, appetite)
        if order.time_in_force is TimeInForce.FOK and sum(f.quantity for f in fills) < order.remaining:
            fills = []
        trades = []
        for fill in fills:
            order, trade = self._fill(order, fill, time_ms, is_maker=False)
            trades.append(trade)
        self._note_taken(order, tick, fills)
        if order.status.is_open and (limit is None or order.time_in_force is not TimeInForce.GTC):
            order = self._expire(order, time_ms)
        return order, tuple(trades)

    def _budget(self, order: Order) -> Decimal | None:
        """What a purchase without a limit price can spend: all that's free and all it locked."""
        if order.side is Side.SELL or order.type.has_limit:
            return None
        balance = self._accounts.balance(order.account, self._rules[order.symbol].quote_asset)
        return balance.free + self._orders.locked_by(order)

    def _note_taken(self, order: Order, tick: Tick, fills: list[Fill]) -> None:
        if not fills:
            return
        side = Side.SELL if order.side is Side.BUY else Side.BUY
        before = self._taken_at(order.symbol, side, tick)
        quantity = sum((fill.quantity for fill in fills), before.quantity)
        self._taken[order.symbol, side] = _Taken(tick.number, quantity, before.times + 1)

    def _taken_at(self, symbol: str, side: Side, tick: Tick) -> _Taken:
        taken = self._taken.get((symbol, side))
        return taken if taken and taken.number == tick.number else _Taken(tick.number, ZERO, 0)

    # Changes of an order ----------------------------------------------------------------

    def _fill(self, order: Order, fill: Fill, time_ms: int, *, is_maker: bool) -> tuple[Order, Trade]:
        self._expire_siblings(order, time_ms)
        trade = self._trade(order, fill, time_ms, is_maker)
        rules = self._rules[order.symbol]
        self._orders.release(order)
        self._accounts.settle(_transfer(trade, rules))
        self._store.save(trade)
        executed = order.executed_quantity + fill.quantity
        order = replace(
            order,
            executed_quantity=executed,
            executed_quote=order.executed_quote + trade.quote_quantity,
            status=OrderStatus.FILLED if executed == order.quantity else OrderStatus.PARTIALLY_FILLED,
            update_time_ms=time_ms,
        )
        self._orders.put(order)
        self._journal.execution(ExecutionType.TRADE, order, trade)
        self._finish_list(order, time_ms)
        return order, trade

    def _trade(self, order: Order, fill: Fill, time_ms: int, is_maker: bool) -> Trade:
        rules = self._rules[order.symbol]
        quote = amount_down(fill.price * fill.quantity)
        buys = order.side is Side.BUY
        fee_bps = self._config.maker_fee_bps if is_maker else self._config.taker_fee_bps
        trade_id, self._next_trade_id = self._next_trade_id, self._next_trade_id + 1
        return Trade(
            trade_id,
            order.order_id,
            order.order_list_id,
            order.account,
            order.symbol,
            order.side,
            fill.price,
            fill.quantity,
            quote,
            share_of(fill.quantity if buys else quote, fee_bps),
            rules.base_asset if buys else rules.quote_asset,
            time_ms,
            is_maker,
        )

    def _expire_siblings(self, order: Order, time_ms: int) -> None:
        for sibling in self._orders.siblings(order):
            self._expire(sibling, time_ms)

    def _expire(self, order: Order, time_ms: int) -> Order:
        order = replace(order, status=OrderStatus.EXPIRED, update_time_ms=time_ms)
        self._orders.put(order)
        self._journal.execution(ExecutionType.EXPIRED, order)
        self._finish_list(order, time_ms)
        return order

    def _finish_list(self, order: Order, time_ms: int) -> None:
        if order.order_list_id == NO_ORDER_LIST or order.status.is_open or self._orders.siblings(order):
            return
        self._journal.list_changed(self._orders.finish_list(order.order_list_id), time_ms)


def _price_time_priority(order: Order) -> tuple[Decimal, int]:
    return (-order.price if order.side is Side.BUY else order.price), order.order_id


def _transfer(trade: Trade, rules: SymbolRules) -> Transfer:
    if trade.side is Side.BUY:
        paid, received = (rules.quote_asset, trade.quote_quantity), (rules.base_asset, trade.quantity)
    else:
        paid, received = (rules.base_asset, trade.quantity), (rules.quote_asset, trade.quote_quantity)
    return Transfer(trade.account, *paid, *received, trade.commission)
