"""The words of the simulated exchange: what goes in, what comes out.

Prices, quantities and amounts are ``Decimal``; times are epoch milliseconds of market time.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

ZERO = Decimal(0)
NO_ORDER_LIST = -1


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"

    @property
    def has_trigger(self) -> bool:
        """Whether the order waits for its stop price before it works."""
        return self not in (OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET)

    @property
    def has_limit(self) -> bool:
        """Whether the order carries a limit price."""
        return self not in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"

    @property
    def is_open(self) -> bool:
        """Whether the order can still change."""
        return self in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class ExecutionType(StrEnum):
    """Why an execution report is sent."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class ListStatus(StrEnum):
    """``listStatusType``: what just happened to an order list."""

    RESPONSE = "RESPONSE"
    EXEC_STARTED = "EXEC_STARTED"
    ALL_DONE = "ALL_DONE"


class ListOrderStatus(StrEnum):
    """``listOrderStatus``: whether the list still works."""

    EXECUTING = "EXECUTING"
    ALL_DONE = "ALL_DONE"


class ClockMode(StrEnum):
    LIVE = "live"
    REPLAY = "replay"
    STEP = "step"


class SymbolRules(NamedTuple):
    """What a symbol's ``filters`` say. ``max_market_quantity`` bounds market orders only."""

    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal
    step_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    max_notional: Decimal
    bid_multiplier_up: Decimal
    bid_multiplier_down: Decimal
    ask_multiplier_up: Decimal
    ask_multiplier_down: Decimal
    average_price_minutes: int = 5
    max_orders: int = 200
    max_algo_orders: int = 5
    max_order_lists: int = 20


class Kline(NamedTuple):
    """One candle. ``closed`` is false while the market is still inside it."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time_ms: int
    quote_volume: Decimal
    trades: int
    taker_buy_base: Decimal
    taker_buy_quote: Decimal
    closed: bool


class Ticker24h(NamedTuple):
    """The last 24 hours of a symbol, to the base candle."""

    symbol: str
    price_change: Decimal
    price_change_percent: Decimal
    weighted_average_price: Decimal
    previous_close: Decimal
    last_price: Decimal
    last_quantity: Decimal
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    quote_volume: Decimal
    open_time_ms: int
    close_time_ms: int
    first_trade_id: int
    last_trade_id: int
    trades: int


class BookTicker(NamedTuple):
    """Best bid and ask. ``update_id`` grows whenever the book changes."""

    symbol: str
    update_id: int
    time_ms: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


class Level(NamedTuple):
    price: Decimal
    quantity: Decimal


class Book(NamedTuple):
    """The order book, best levels first."""

    symbol: str
    update_id: int
    time_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class PublicTrade(NamedTuple):
    """One trade of the market; also served as an aggregate trade of one trade."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    time_ms: int
    buyer_is_maker: bool


class AveragePrice(NamedTuple):
    minutes: int
    price: Decimal
    close_time_ms: int


class Quote(NamedTuple):
    """What a real venue last showed. ``time_ms`` is the venue's own time of the quote."""

    symbol: str
    time_ms: int
    bid: Decimal
    ask: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A new order as the client asked for it; ``None`` where a parameter was not sent."""

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class OcoRequest:
    """Two orders of which at most one trades: one leg above the market, one below.

    One leg is ``LIMIT_MAKER`` and the other waits for a stop price (the usual pair of profit
    target and protective stop), or both wait for a stop price.
    """

    symbol: str
    side: Side
    quantity: Decimal
    above: OcoLeg
    below: OcoLeg
    list_client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class OcoLeg:
    type: OrderType
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted order as it stands. Amounts are zero where Binance would send zero.

    ``working_time_ms`` is -1 until the order is on the book; ``is_working`` is false while it
    waits for its stop price. ``original_quote_quantity`` is ``quoteOrderQty``.
    """

    order_id: int
    order_list_id: int
    account: str
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    stop_price: Decimal
    quantity: Decimal
    original_quote_quantity: Decimal
    executed_quantity: Decimal
    executed_quote: Decimal
    status: OrderStatus
    time_ms: int
    update_time_ms: int
    working_time_ms: int
    is_working: bool

    @property
    def remaining(self) -> Decimal:
        """Quantity that hasn't traded yet."""
        return self.quantity - self.executed_quantity


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of an account's order."""

    trade_id: int
    order_id: int
    order_list_id: int
    account: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_maker: bool


@dataclass(frozen=True, slots=True)
class AssetTransfer:
    """Money that came into an account, or (negative) went with its fee, without a trade.

    ``is_listed`` is false where the deposit and withdrawal histories don't tell of it, as of a move between an
    owner's own wallets.
    """

    transfer_id: int
    account: str
    asset: str
    amount: Decimal
    fee: Decimal
    time_ms: int
    is_listed: bool


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An accepted order with the fills it got at once."""

    order: Order
    fills: tuple[Trade, ...]


@dataclass(frozen=True, slots=True)
class OrderList:
    order_list_id: int
    account: str
    symbol: str
    list_client_order_id: str
    contingency_type: str
    status: ListStatus
    order_status: ListOrderStatus
    time_ms: int
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class CanceledOrder:
    """An order just canceled. ``cancel_client_order_id`` names the cancel request itself."""

    order: Order
    cancel_client_order_id: str


class Balance(NamedTuple):
    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account's balances; assets it never held are left out."""

    name: str
    balances: tuple[Balance, ...]
    maker_fee_bps: Decimal
    taker_fee_bps: Decimal
    update_time_ms: int


@dataclass(frozen=True, slots=True)
class ClockState:
    """Where the market's time stands.

    ``ends_at_ms`` is ``None`` for markets without an end. ``wall_ms`` is the wall clock at the
    same instant, so a client can map one onto the other.
    """

    mode: ClockMode
    speed: float
    now_ms: int
    wall_ms: int
    starts_at_ms: int
    ends_at_ms: int | None
    finished: bool
    base_interval_ms: int
    market_id: str


class StepResult(NamedTuple):
    """The position after a step; ``advanced`` is false for a repeated or impossible step."""

    position_ms: int
    advanced: bool
    finished: bool


@dataclass(frozen=True, slots=True)
class ExecutionEvent:
    """An order changed: the stuff of an ``executionReport``."""

    account: str
    execution_type: ExecutionType
    order: Order
    trade: Trade | None
    time_ms: int
    original_client_order_id: str = ""


@dataclass(frozen=True, slots=True)
class BalancesEvent:
    """Balances changed: the stuff of an ``outboundAccountPosition``."""

    account: str
    balances: tuple[Balance, ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class ListEvent:
    """An order list changed: the stuff of a ``listStatus``."""

    account: str
    order_list: OrderList
    time_ms: int


AccountEvent: TypeAlias = ExecutionEvent | BalancesEvent | ListEvent


@dataclass(frozen=True, slots=True)
class Totals:
    """An audit of one asset: ``accounts + venue + fees == deposits`` always."""

    asset: str
    deposits: Decimal
    accounts: Decimal
    venue: Decimal
    fees: Decimal
