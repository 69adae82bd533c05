"""Whether the exchange takes an order: its parameters, the symbol's filters, the present market."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.simulator.errors import (
    ExchangeError,
    filter_failure,
    invalid_price,
    invalid_quantity,
    mandatory_parameter,
    order_rejected,
    parameter_not_required,
    too_precise,
)
from trading_platform.simulator.market import Tick
from trading_platform.simulator.model import (
    ZERO,
    OcoLeg,
    OcoRequest,
    Order,
    OrderRequest,
    OrderType,
    Side,
    SymbolRules,
)
from trading_platform.simulator.numbers import is_multiple

_MAX_DECIMALS = 8
_WIRE_NAMES = {
    "time_in_force": "timeInForce",
    "quantity": "quantity",
    "quote_quantity": "quoteOrderQty",
    "price": "price",
    "stop_price": "stopPrice",
}
_REQUIRED = {
    OrderType.LIMIT: {"time_in_force", "quantity", "price"},
    OrderType.LIMIT_MAKER: {"quantity", "price"},
    OrderType.MARKET: set[str](),
    OrderType.STOP_LOSS: {"quantity", "stop_price"},
    OrderType.STOP_LOSS_LIMIT: {"time_in_force", "quantity", "price", "stop_price"},
    OrderType.TAKE_PROFIT: {"quantity", "stop_price"},
    OrderType.TAKE_PROFIT_LIMIT: {"time_in_force", "quantity", "price", "stop_price"},
}
_PRICES_MISPLACED = "The relationship of the prices for the orders is not correct."


def check_parameters(request: OrderRequest) -> None:
    """Each order type takes its own parameters, no more and no less."""
    required = _REQUIRED[request.type]
    allowed = required | ({"quantity", "quote_quantity"} if request.type is OrderType.MARKET else set())
    for name, wire_name in _WIRE_NAMES.items():
        value = getattr(request, name)
        if value is None and name in required:
            raise mandatory_parameter(wire_name)
        if value is not None and name not in allowed:
            raise parameter_not_required(wire_name)
        if isinstance(value, Decimal):
            _check_number(name, wire_name, value)
    if request.type is OrderType.MARKET and (request.quantity is None) == (request.quote_quantity is None):
        if request.quantity is None:
            raise mandatory_parameter("quantity")
        raise parameter_not_required("quoteOrderQty")


def _check_number(name: str, wire_name: str, value: Decimal) -> None:
    if value <= 0:
        raise invalid_quantity() if name.endswith("quantity") else invalid_price()
    if -int(value.normalize().as_tuple().exponent) > _MAX_DECIMALS:
        raise too_precise(wire_name)


def check_price_filters(request: OrderRequest, rules: SymbolRules, average_price: Decimal) -> None:
    """PRICE_FILTER on every price, PERCENT_PRICE_BY_SIDE on the limit price."""
    for price in (request.price, request.stop_price):
        if price is not None and not (
            rules.min_price <= price <= rules.max_price and is_multiple(price, rules.tick_size)
        ):
            raise filter_failure("PRICE_FILTER")
    if request.price is None:
        return
    if request.side is Side.BUY:
        up, down = rules.bid_multiplier_up, rules.bid_multiplier_down
    else:
        up, down = rules.ask_multiplier_up, rules.ask_multiplier_down
    if not average_price * down <= request.price <= average_price * up:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def check_size_filters(request: OrderRequest, quantity: Decimal, rules: SymbolRules, average_price: Decimal) -> None:
    """LOT_SIZE, MARKET_LOT_SIZE and NOTIONAL.

    ``quantity`` is the request's, or what its quote quantity buys at the present book.
    """
    if not (rules.min_quantity <= quantity <= rules.max_quantity and is_multiple(quantity, rules.step_size)):
        raise filter_failure("LOT_SIZE")
    if not request.type.has_limit and quantity > rules.max_market_quantity:
        raise filter_failure("MARKET_LOT_SIZE")
    if request.quote_quantity is not None:
        notional = request.quote_quantity
    else:
        notional = quantity * (request.price or average_price)
    if notional < rules.min_notional or (request.price is not None and notional > rules.max_notional):
        raise filter_failure("NOTIONAL")


def check_counts(open_orders: list[Order], new: list[OrderRequest], rules: SymbolRules) -> None:
    """MAX_NUM_ORDERS and MAX_NUM_ALGO_ORDERS of one account and symbol."""
    if len(open_orders) + len(new) > rules.max_orders:
        raise filter_failure("MAX_NUM_ORDERS")
    fresh = sum(request.type.has_trigger for request in new)
    if fresh and sum(o.type.has_trigger for o in open_orders) + fresh > rules.max_algo_orders:
        raise filter_failure("MAX_NUM_ALGO_ORDERS")


def check_against_book(request: OrderRequest, tick: Tick) -> None:
    """A LIMIT_MAKER may not match at once."""
    if request.type is not OrderType.LIMIT_MAKER or request.price is None:
        return
    if request.price >= tick.ask if request.side is Side.BUY else request.price <= tick.bid:
        raise order_rejected("Order would immediately match and take.")


def oco_legs(request: OcoRequest) -> tuple[OrderRequest, OrderRequest]:
    """The orders of an OCO list: the one above the market, then the one below.

    Raises
    ------
    ExchangeError
        If a leg's type doesn't belong on its side of the market.
    """
    profit = {OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
    stop = {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT}
    above, below = (profit, stop) if request.side is Side.SELL else (stop, profit)
    for leg, allowed, name in ((request.above, above, "aboveType"), (request.below, below, "belowType")):
        if leg.type not in allowed:
            raise ExchangeError(-1130, f"Data sent for parameter '{name}' is not valid.")
    return _leg(request, request.above), _leg(request, request.below)


def check_oco_prices(above: OrderRequest, below: OrderRequest, tick: Tick) -> None:
    """The market must be between the legs."""
    if not _reference(below) < tick.price < _reference(above):
        raise order_rejected(_PRICES_MISPLACED)


def _leg(request: OcoRequest, leg: OcoLeg) -> OrderRequest:
    return OrderRequest(
        request.symbol,
        request.side,
        leg.type,
        leg.time_in_force,
        request.quantity,
        None,
        leg.price,
        leg.stop_price,
        leg.client_order_id,
    )


def _reference(leg: OrderRequest) -> Decimal:
    return leg.stop_price or leg.price or ZERO
