"""The simulated exchange, whole, behind one door.

Everything here is synchronous and is called from one thread. Each method first brings the
market up to the clock's present (resting orders match on the way); each change is committed
before the method returns, so an answer given is an answer kept, whatever is killed next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from trading_platform.simulator.config import AccountConfig, SimulatorConfig
from trading_platform.simulator.model import (
    AccountEvent,
    AccountState,
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


class Exchange:
    """One exchange: its market, clock, accounts and durable books. See `build_exchange`."""

    config: SimulatorConfig

    # Time -------------------------------------------------------------------------------

    def advance(self) -> int:
        """Bring the market to the present; match resting orders on the way.

        Called on a timer by the server so that events come without requests. Returns the
        market's time in ms. Writes nothing when nothing changed.
        """
        raise NotImplementedError

    def now_ms(self) -> int:
        """Market time: of orders, trades, candles. Signatures are judged by the wall clock."""
        raise NotImplementedError

    def clock_state(self) -> ClockState:
        """Mode, speed, position and end of the market's time."""
        raise NotImplementedError

    def step(self, expected_position_ms: int | None = None) -> StepResult:
        """Advance a step market by exactly one base candle.

        Parameters
        ----------
        expected_position_ms
            Where the caller believes the market to be. If the market has already made the
            step that starts there, nothing moves: a repeated request is harmless.

        Raises
        ------
        ExchangeError
            -1100 if the market isn't in step mode or the expectation is wrong altogether.
        """
        raise NotImplementedError

    # Market data ------------------------------------------------------------------------

    def symbols(self) -> Sequence[SymbolRules]:
        """The traded symbols with their rules."""
        raise NotImplementedError

    def rules(self, symbol: str) -> SymbolRules:
        """Rules of one symbol; -1121 if it isn't traded."""
        raise NotImplementedError

    def is_trading(self, symbol: str) -> bool:
        """False inside a gap of the recorded candles, or without a fresh quote."""
        raise NotImplementedError

    def intervals(self) -> Sequence[str]:
        """Candle intervals served, finest first; empty on a live market."""
        raise NotImplementedError

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
        raise NotImplementedError

    def ticker_24h(self, symbol: str) -> Ticker24h:
        """Rolling statistics of the last 24 hours."""
        raise NotImplementedError

    def last_price(self, symbol: str) -> Decimal:
        """Price of the last trade."""
        raise NotImplementedError

    def book_ticker(self, symbol: str) -> BookTicker:
        """Best bid and ask."""
        raise NotImplementedError

    def book(self, symbol: str, limit: int = 100) -> Book:
        """The best ``limit`` levels of each side, at most 5000."""
        raise NotImplementedError

    def recent_trades(self, symbol: str, limit: int = 500) -> list[PublicTrade]:
        """The last market trades, oldest first; ``limit`` at most 1000."""
        raise NotImplementedError

    def agg_trades(
        self,
        symbol: str,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[PublicTrade]:
        """Market trades from an id or within a time span, oldest first; the last by default."""
        raise NotImplementedError

    def average_price(self, symbol: str) -> AveragePrice:
        """Volume-weighted average of the last minutes, as the price filters use it."""
        raise NotImplementedError

    # Accounts ---------------------------------------------------------------------------

    def account(self, api_key: str) -> AccountConfig:
        """The account a key belongs to; -2015 if none. Its ``name`` is the argument below."""
        raise NotImplementedError

    def account_state(self, account: str) -> AccountState:
        """Balances and fees."""
        raise NotImplementedError

    def subscribe(self, callback: Callable[[AccountEvent], None]) -> Callable[[], None]:
        """Be told of each change of orders, balances and lists, after it was committed.

        Called on the thread that caused the change. Returns a function that unsubscribes.
        """
        raise NotImplementedError

    # Orders -----------------------------------------------------------------------------

    def place_order(self, account: str, request: OrderRequest) -> PlacedOrder:
        """Accept an order, match what matches at once. Refusals raise `ExchangeError`."""
        raise NotImplementedError

    def test_order(self, account: str, request: OrderRequest) -> None:
        """Check an order as `place_order` would, without placing it."""
        raise NotImplementedError

    def place_oco(self, account: str, request: OcoRequest) -> OrderList:
        """Accept two orders of which at most one trades."""
        raise NotImplementedError

    def cancel_order(
        self,
        account: str,
        symbol: str,
        order_id: int | None = None,
        client_order_id: str | None = None,
        cancel_client_order_id: str | None = None,
    ) -> CanceledOrder:
        """Cancel an open order; a leg of a list takes the list with it. -2011 if none is open."""
        raise NotImplementedError

    def cancel_open_orders(self, account: str, symbol: str) -> list[CanceledOrder | OrderList]:
        """Cancel everything open on a symbol; -2011 if nothing is."""
        raise NotImplementedError

    def cancel_order_list(
        self,
        account: str,
        symbol: str,
        order_list_id: int | None = None,
        list_client_order_id: str | None = None,
    ) -> OrderList:
        """Cancel both legs of an open list; -2011 if none is open."""
        raise NotImplementedError

    def order(
        self,
        account: str,
        symbol: str,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order:
        """One order, the newest under that client id; -2013 if there never was one."""
        raise NotImplementedError

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Open orders, oldest first."""
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError

    def order_list(
        self,
        account: str,
        order_list_id: int | None = None,
        list_client_order_id: str | None = None,
    ) -> OrderList:
        """One order list; -2018 if there never was one."""
        raise NotImplementedError

    def open_order_lists(self, account: str) -> list[OrderList]:
        """Order lists still executing, oldest first."""
        raise NotImplementedError

    def all_order_lists(
        self,
        account: str,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[OrderList]:
        """Order lists, oldest first."""
        raise NotImplementedError

    # Misbehaviour -----------------------------------------------------------------------

    def place_order_later(self, account: str, request: OrderRequest, delay_seconds: float) -> None:
        """Hold an order and accept it when so many wall seconds have passed.

        The caller answers the client as it likes (typically not at all). Held orders are lost
        if the simulator dies first, as a request in a dead exchange's queue would be. An order
        refused when its time comes vanishes the same way.
        """
        raise NotImplementedError

    def fill_next_order_partly(self, fraction: Decimal) -> None:
        """The next order accepted finds liquidity for this fraction of its quantity only."""
        raise NotImplementedError

    def reject_next_order(self, code: int, message: str) -> None:
        """The next order is refused with this error."""
        raise NotImplementedError

    # Audit and end ----------------------------------------------------------------------

    def totals(self) -> list[Totals]:
        """Where every unit of every asset is."""
        raise NotImplementedError

    def close(self) -> None:
        """Write the clock's exact position and let go of files and threads."""
        raise NotImplementedError


def build_exchange(config: SimulatorConfig, wall_ms: Callable[[], int] | None = None) -> Exchange:
    """Wire an exchange from its configuration.

    Parameters
    ----------
    wall_ms
        The wall clock in epoch ms; tests pass their own.

    Raises
    ------
    SimulatorSetupError
        If the market can't be read, or the database belongs to another market.
    """
    raise NotImplementedError
