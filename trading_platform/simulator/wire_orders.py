"""Orders, order lists, fills and balances in the exchange's JSON."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trading_platform.simulator.model import (
    ZERO,
    AccountState,
    CanceledOrder,
    Order,
    OrderList,
    OrderType,
    PlacedOrder,
    Side,
    Trade,
)
from trading_platform.simulator.wire_market import SELF_TRADE_PREVENTION, Json, amount

_RATE_DECIMALS = 8
_BPS = Decimal(10_000)


def rate(fee_bps: Decimal) -> str:
    """A fee in basis points as the fraction the exchange sends."""
    return f"{fee_bps / _BPS:.{_RATE_DECIMALS}f}"


def order_status(order: Order) -> Json:
    """An order as queried: ``GET order``, ``openOrders``, ``allOrders``."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "price": amount(order.price),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.executed_quantity),
        "cummulativeQuoteQty": amount(order.executed_quote),
        "status": str(order.status),
        "timeInForce": str(order.time_in_force),
        "type": str(order.type),
        "side": str(order.side),
        "stopPrice": amount(order.stop_price),
        "icebergQty": amount(ZERO),
        "time": order.time_ms,
        "updateTime": order.update_time_ms,
        "isWorking": order.is_working,
        "workingTime": order.working_time_ms,
        "origQuoteOrderQty": amount(order.original_quote_quantity),
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
    }


def default_response_type(order_type: OrderType) -> str:
    """``newOrderRespType`` where the client doesn't say."""
    return "FULL" if order_type in (OrderType.MARKET, OrderType.LIMIT) else "ACK"


def placed_order(placed: PlacedOrder, response_type: str) -> Json:
    """The answer to a new order, as ACK, RESULT or FULL."""
    if response_type == "ACK":
        return _ack(placed.order, placed.order.time_ms)
    result = _result(placed.order, placed.order.update_time_ms)
    if response_type == "FULL":
        result["fills"] = [_fill(trade) for trade in placed.fills]
    return result


def canceled_order(canceled: CanceledOrder) -> Json:
    """The answer to a cancel."""
    order = canceled.order
    result = _result(order, order.update_time_ms) | {"clientOrderId": canceled.cancel_client_order_id}
    del result["workingTime"]
    return {"symbol": order.symbol, "origClientOrderId": order.client_order_id} | result


def order_list(found: OrderList) -> Json:
    """An order list as queried."""
    return {
        "orderListId": found.order_list_id,
        "contingencyType": found.contingency_type,
        "listStatusType": str(found.status),
        "listOrderStatus": str(found.order_status),
        "listClientOrderId": found.list_client_order_id,
        "transactionTime": found.time_ms,
        "symbol": found.symbol,
        "orders": [
            {"symbol": order.symbol, "orderId": order.order_id, "clientOrderId": order.client_order_id}
            for order in found.orders
        ],
    }


def placed_order_list(placed: OrderList, response_type: str) -> Json:
    """The answer to a new order list."""
    report = _ack if response_type == "ACK" else _result
    return order_list(placed) | {"orderReports": [report(order, order.update_time_ms) for order in placed.orders]}


def canceled_order_list(canceled: OrderList) -> Json:
    """The answer to the cancel of an order list."""
    reports = [canceled_order(CanceledOrder(order, order.client_order_id)) for order in canceled.orders]
    return order_list(canceled) | {"orderReports": reports}


def my_trade(trade: Trade) -> Json:
    """One entry of ``myTrades``."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.order_list_id,
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "quoteQty": amount(trade.quote_quantity),
        "commission": amount(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": trade.time_ms,
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def account(state: AccountState, *, omit_zero_balances: bool) -> Json:
    """``account``."""
    maker, taker = state.maker_fee_bps, state.taker_fee_bps
    return {
        "makerCommission": int(maker),
        "takerCommission": int(taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": commission_rates(maker, taker),
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": state.update_time_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": held.asset, "free": amount(held.free), "locked": amount(held.locked)}
            for held in state.balances
            if not omit_zero_balances or held.free or held.locked
        ],
        "permissions": ["SPOT"],
        "uid": 0,
    }


def commission_rates(maker_bps: Decimal, taker_bps: Decimal) -> Json:
    """Maker and taker rates; the simulation charges nothing by side."""
    none = rate(ZERO)
    return {"maker": rate(maker_bps), "taker": rate(taker_bps), "buyer": none, "seller": none}


def commission(symbol: str, state: AccountState) -> Json:
    """``account/commission``."""
    none = commission_rates(ZERO, ZERO)
    return {
        "symbol": symbol,
        "standardCommission": commission_rates(state.maker_fee_bps, state.taker_fee_bps),
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": amount(ZERO),
        },
    }


def order_reports(reports: Sequence[CanceledOrder | OrderList]) -> list[Json]:
    """The answer to the cancel of everything on a symbol."""
    return [
        canceled_order_list(report) if isinstance(report, OrderList) else canceled_order(report) for report in reports
    ]


def _ack(order: Order, transact_time_ms: int) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": transact_time_ms,
    }


def _result(order: Order, transact_time_ms: int) -> Json:
    result = _ack(order, transact_time_ms) | {
        "price": amount(order.price),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.executed_quantity),
        "origQuoteOrderQty": amount(order.original_quote_quantity),
        "cummulativeQuoteQty": amount(order.executed_quote),
        "status": str(order.status),
        "timeInForce": str(order.time_in_force),
        "type": str(order.type),
        "side": str(order.side),
        "workingTime": order.working_time_ms,
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
    }
    if order.type.has_trigger:
        result["stopPrice"] = amount(order.stop_price)
    return result


def _fill(trade: Trade) -> Json:
    return {
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "commission": amount(trade.commission),
        "commissionAsset": trade.commission_asset,
        "tradeId": trade.trade_id,
    }
