"""The simulated exchange, whole, behind one door.

Everything here is synchronous and is called from one thread. Each method first brings the
market up to the clock's present (resting orders match on the way); each change is committed
before the method returns, so an answer given is an answer kept, whatever is killed next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal

from trading_platform.simulator.accounts import Accounts
from trading_platform.simulator.candle_market import CandleMarket
from trading_platform.simulator.clock import MarketClock, StepClock
from trading_platform.simulator.config import AccountConfig, SimulatorConfig
from trading_platform.simulator.errors import (
    ExchangeError,
    bad_parameter,
    invalid_api_key,
    invalid_symbol,
)
from trading_platform.simulator.journal import Journal
from trading_platform.simulator.market import Market
from trading_platform.simulator.market_data import MarketData
from trading_platform.simulator.matching import Matcher
from trading_platform.simulator.model import (
    ZERO,
    AccountEvent,
    AccountState,
    AssetTransfer,
    AveragePrice,
    Book,
    BookTicker,
    CanceledOrder,
    ClockState,
    Kline,
    OcoRequest,
    Order,
    OrderList,
    OrderRequest,
    PlacedOrder,
    PublicTrade,
    StepResult,
    SymbolRules,
    Ticker24h,
    Totals,
    Trade,
)
from trading_platform.simulator.order_desk import OrderDesk
from trading_platform.simulator.order_queries import OrderQueries
from trading_platform.simulator.orders import OpenOrders
from trading_platform.simulator.store import POSITION, Store


class Exchange:
    """One exchange: its market, clock, accounts and durable books. See `build.build_exchange`."""

    def __init__(
        self,
        config: SimulatorConfig,
        market: Market,
        clock: MarketClock,
        store: Store,
        wall_ms: Callable[[], int],
    ) -> None:
        self.config = config
        self._market = market
        self._clock = clock
        self._store = store
        self._wall_ms = wall_ms
        self._rules = {rules.symbol: rules for rules in market.symbols}
        self._accounts = Accounts(store)
        self._journal = Journal(self._accounts)
        self._orders = OpenOrders(store, self._accounts, self._rules)
        self._matcher = Matcher(config, market, store, self._accounts, self._orders, self._journal)
        self._desk = OrderDesk(market, store, self._accounts, self._orders, self._matcher, self._journal)
        self._queries = OrderQueries(store, self._orders)
        self._data = MarketData(market, self._matcher)
        self._held: list[tuple[int, str, OrderRequest]] = []
        self._synced_ms: int | None = None
        self._accounts.open(config.accounts)
        store.commit()

    # Time -------------------------------------------------------------------------------

    def advance(self) -> int:
        """Bring the market to the present; match resting orders on the way.

        Called on a timer by the server so that events come without requests. Returns the
        market's time in ms. Writes nothing when nothing changed.
        """
        return self._present()

    def now_ms(self) -> int:
        """Market time: of orders, trades, candles. Signatures are judged by the wall clock."""
        return self._present()

    def clock_state(self) -> ClockState:
        """Mode, speed, position and end of the market's time."""
        now_ms = self._present()
        clock = self._clock
        return ClockState(
            clock.mode,
            clock.speed,
            now_ms,
            self._wall_ms(),
            clock.starts_at_ms,
            clock.ends_at_ms,
            clock.ends_at_ms is not None and now_ms >= clock.ends_at_ms,
            self._market.interval_ms,
            self.config.market_id(),
        )

    def step(self, expected_position_ms: int | None = None) -> StepResult:
        """Advance a step market by exactly one base candle.

        Parameters
        ----------
        expected_position_ms
            Where the caller believes the market to be. If the market is past it already,
            nothing moves: a repeated request is harmless.

        Raises
        ------
        ExchangeError
            -1100 if the market isn't in step mode, or isn't as far as expected.
        """
        clock, market = self._clock, self._market
        if not isinstance(clock, StepClock) or not isinstance(market, CandleMarket):
            raise bad_parameter("The market is not in step mode.")
        position = self._present()
        expected = position if expected_position_ms is None else expected_position_ms
        if expected > position:
            raise bad_parameter(f"The market stands at {position}, not yet at {expected}.")
        target = None if clock.is_at_end() else market.next_boundary(position)
        if target is None or expected < position:
            return StepResult(position, False, target is None)
        with self._transaction(target):
            self._matcher.match_until(target)
            self._store.set_meta(POSITION, target)
        clock.move_to(target)
        self._synced_ms = target
        return StepResult(target, True, clock.is_at_end())

    # Market data ------------------------------------------------------------------------

    def symbols(self) -> Sequence[SymbolRules]:
        """The traded symbols with their rules."""
        return self._market.symbols

    def rules(self, symbol: str) -> SymbolRules:
        """Rules of one symbol; -1121 if it isn't traded."""
        found = self._rules.get(symbol)
        if found is None:
            raise invalid_symbol()
        return found

    def is_trading(self, symbol: str) -> bool:
        """False inside a gap of the recorded candles, or without a fresh quote."""
        self.rules(symbol)
        try:
            self._market.require_open(symbol, self._present())
        except ExchangeError:
            return False
        return True

    def intervals(self) -> Sequence[str]:
        """Candle intervals served, finest first; empty on a live market."""
        return self._data.intervals()

    def klines(
        self,
        symbol: str,
        interval: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Kline]:
        """Candles by open time, oldest first, the one in progress included.

        With ``start_ms`` the first ``limit`` from there on, otherwise the last ``limit`` up to
        ``end_ms``, as Binance does. ``limit`` is at most 1000.
        """
        self.rules(symbol)
        return self._data.klines(symbol, interval, self._present(), start_ms, end_ms, limit)

    def ticker_24h(self, symbol: str) -> Ticker24h:
        """Rolling statistics of the last 24 hours."""
        self.rules(symbol)
        return self._data.ticker_24h(symbol, self._present())

    def last_price(self, symbol: str) -> Decimal:
        """Price of the last trade."""
        self.rules(symbol)
        return self._market.tick(symbol, self._present()).price

    def book_ticker(self, symbol: str) -> BookTicker:
        """Best bid and ask."""
        self.rules(symbol)
        return self._data.book_ticker(symbol, self._present())

    def book(self, symbol: str, limit: int = 100) -> Book:
        """The best ``limit`` levels of each side, at most 5000."""
        self.rules(symbol)
        return self._data.book(symbol, self._present(), limit)

    def recent_trades(self, symbol: str, limit: int = 500) -> list[PublicTrade]:
        """The last market trades, oldest first; ``limit`` at most 1000."""
        self.rules(symbol)
        return self._data.recent_trades(symbol, self._present(), limit)

    def agg_trades(
        self,
        symbol: str,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[PublicTrade]:
        """Market trades from an id or within a time span, oldest first; the last by default."""
        self.rules(symbol)
        return self._data.agg_trades(symbol, self._present(), from_id, start_ms, end_ms, limit)

    def average_price(self, symbol: str) -> AveragePrice:
        """Volume-weighted average of the last minutes, as the price filters use it."""
        rules = self.rules(symbol)
        now_ms = self._present()
        price = self._market.average_price(symbol, now_ms)
        return AveragePrice(rules.average_price_minutes, price, now_ms)

    # Accounts ---------------------------------------------------------------------------

    def account(self, api_key: str) -> AccountConfig:
        """The account a key belongs to; -2015 if none. Its ``name`` is the argument below."""
        for account in self.config.accounts:
            if account.api_key == api_key:
                return account
        raise invalid_api_key()

    def account_state(self, account: str) -> AccountState:
        """Balances and fees."""
        now_ms = self._present()
        return AccountState(
            account,
            self._accounts.balances(account),
            self.config.maker_fee_bps,
            self.config.taker_fee_bps,
            now_ms,
        )

    def transfer(
        self, account: str, asset: str, amount: Decimal, *, fee: Decimal = ZERO, is_listed: bool = True
    ) -> AssetTransfer:
        """Deposit, or (negative) withdraw for a fee; -4026 if the account is unknown or doesn't have so much."""
        now_ms = self._present()
        change = amount - fee if amount < 0 else amount
        known = any(config.name == account for config in self.config.accounts)
        if not known or amount == 0 or self._accounts.balance(account, asset).free + change < 0:
            raise ExchangeError(-4026, "User has insufficient balance.")
        with self._transaction(now_ms):
            number = self._store.next_id(AssetTransfer)
            made = AssetTransfer(number, account, asset, amount, fee, now_ms, is_listed)
            self._accounts.transfer(account, asset, change)
            self._store.save(made)
        return made

    def transfers(self, account: str, *, deposits: bool, limit: int) -> list[AssetTransfer]:
        """Deposits or withdrawals that the exchange lists, newest first."""
        self._present()
        sign = ">" if deposits else "<"
        where = f"account = ? AND is_listed = 1 AND CAST(amount AS REAL) {sign} 0"
        return self._store.find(AssetTransfer, where, (account,), limit, newest=True)[::-1]

    def subscribe(self, callback: Callable[[AccountEvent], None]) -> Callable[[], None]:
        """Be told of each change of orders, balances and lists, after it was committed.

        Called on the thread that caused the change. Returns a function that unsubscribes.
        """
        return self._journal.subscribe(callback)

    # Orders -----------------------------------------------------------------------------

    def place_order(self, account: str, request: OrderRequest) -> PlacedOrder:
        """Accept an order, match what matches at once. Refusals raise `ExchangeError`."""
        rules = self.rules(request.symbol)
        now_ms = self._present()
        with self._transaction(now_ms):
            return self._desk.place(account, request, rules, now_ms)

    def test_order(self, account: str, request: OrderRequest) -> None:
        """Check an order as `place_order` would, without placing it."""
        rules = self.rules(request.symbol)
        self._desk.check(account, request, rules, self._present())

    def place_oco(self, account: str, request: OcoRequest) -> OrderList:
        """Accept two orders of which at most one trades."""
        rules = self.rules(request.symbol)
        now_ms = self._present()
        with self._transaction(now_ms):
            return self._desk.place_oco(account, request, rules, now_ms)

    def cancel_order(
        self,
        account: str,
        symbol: str,
        order_id: int | None = None,
        client_order_id: str | None = None,
        cancel_client_order_id: str | None = None,
    ) -> CanceledOrder:
        """Cancel an open order; a leg of a list takes the list with it. -2011 if none is open."""
        self.rules(symbol)
        now_ms = self._present()
        order = self._queries.open_order(account, symbol, order_id, client_order_id)
        with self._transaction(now_ms):
            return self._desk.cancel(order, now_ms, cancel_client_order_id)

    def cancel_open_orders(self, account: str, symbol: str) -> list[CanceledOrder | OrderList]:
        """Cancel everything open on a symbol; -2011 if nothing is."""
        self.rules(symbol)
        now_ms = self._present()
        with self._transaction(now_ms):
            return self._desk.cancel_open(account, symbol, now_ms)

    def cancel_order_list(
        self,
        account: str,
        symbol: str,
        order_list_id: int | None = None,
        list_client_order_id: str | None = None,
    ) -> OrderList:
        """Cancel both legs of an open list; -2011 if none is open."""
        self.rules(symbol)
        now_ms = self._present()
        order = self._queries.open_leg(account, symbol, order_list_id, list_client_order_id)
        with self._transaction(now_ms):
            self._desk.cancel(order, now_ms, None)
        return self._queries.order_list(account, order.order_list_id, None)

    def order(
        self,
        account: str,
        symbol: str,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order:
        """One order, the newest under that client id; -2013 if there never was one."""
        self.rules(symbol)
        self._present()
        return self._queries.order(account, symbol, order_id, client_order_id)

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Open orders, oldest first."""
        if symbol is not None:
            self.rules(symbol)
        self._present()
        return self._orders.of_account(account, symbol)

    def all_orders(
        self,
        account: str,
        symbol: str,
        order_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """Orders from an id on, or in a time span, or the last ones; oldest first."""
        self.rules(symbol)
        self._present()
        return self._queries.orders(account, symbol, order_id, start_ms, end_ms, limit)

    def my_trades(
        self,
        account: str,
        symbol: str,
        order_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        from_id: int | None = None,
        limit: int = 500,
    ) -> list[Trade]:
        """Fills of an order, from an id on, in a time span, or the last ones; oldest first."""
        self.rules(symbol)
        self._present()
        return self._queries.trades(account, symbol, order_id, start_ms, end_ms, from_id, limit)

    def order_list(
        self,
        account: str,
        order_list_id: int | None = None,
        list_client_order_id: str | None = None,
    ) -> OrderList:
        """One order list; -2018 if there never was one."""
        self._present()
        return self._queries.order_list(account, order_list_id, list_client_order_id)

    def open_order_lists(self, account: str) -> list[OrderList]:
        """Order lists still executing, oldest first."""
        self._present()
        return self._queries.open_order_lists(account)

    def all_order_lists(
        self,
        account: str,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[OrderList]:
        """Order lists, oldest first."""
        self._present()
        return self._queries.order_lists(account, from_id, start_ms, end_ms, limit)

    # Misbehaviour -----------------------------------------------------------------------

    def place_order_later(self, account: str, request: OrderRequest, delay_seconds: float) -> None:
        """Hold an order and accept it when so many wall seconds have passed.

        The caller answers the client as it likes (typically not at all). Held orders are lost
        if the simulator dies first, as a request in a dead exchange's queue would be. An order
        refused when its time comes vanishes the same way.
        """
        due_ms = self._wall_ms() + int(1000 * delay_seconds)
        self._held.append((due_ms, account, request))

    def fill_next_order_partly(self, fraction: Decimal) -> None:
        """The next order accepted finds liquidity for this fraction of its quantity only."""
        self._desk.fill_next_partly(fraction)

    def reject_next_order(self, code: int, message: str) -> None:
        """The next order is refused with this error."""
        self._desk.refuse_next(ExchangeError(code, message))

    # Audit and end ----------------------------------------------------------------------

    def totals(self) -> list[Totals]:
        """Where every unit of every asset is."""
        return self._accounts.totals()

    def close(self) -> None:
        """Write the clock's exact position and let go of files and threads."""
        self._market.close()
        self._clock.close()
        self._store.commit()
        self._store.close()

    # Parts ------------------------------------------------------------------------------

    def _present(self) -> int:
        """Bring the market to the present."""
        now_ms = self._clock.now_ms()
        if now_ms != self._synced_ms:
            with self._transaction(now_ms):
                self._matcher.match_until(now_ms)
            self._synced_ms = now_ms
        if self._held:
            self._accept_held(now_ms)
        return now_ms

    def _accept_held(self, now_ms: int) -> None:
        wall_ms = self._wall_ms()
        due = [held for held in self._held if held[0] <= wall_ms]
        self._held = [held for held in self._held if held[0] > wall_ms]
        for _, account, request in due:
            # Whoever sent it has long stopped listening: a refusal reaches nobody.
            with suppress(ExchangeError), self._transaction(now_ms):
                self._desk.place(account, request, self.rules(request.symbol), now_ms)

    @contextmanager
    def _transaction(self, now_ms: int) -> Iterator[None]:
        """Commit what the block changes, then tell the listeners; undo it all if it fails."""
        try:
            yield
            self._store.commit()
        except BaseException:
            if self._store.has_changes:
                self._store.rollback()
                self._accounts.reload()
                self._orders.reload()
                self._matcher.reload()
            self._journal.forget()
            raise
        self._journal.publish(now_ms)
