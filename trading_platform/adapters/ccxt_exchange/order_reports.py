"""Binance's answers about orders as order reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.wire_fields import (
    Json,
    decimal_member,
    mapping,
    member,
    moment,
    sequence,
    text_member,
)
from trading_platform.domain.order import Fill, OrderReport, OrderStatus, Side
from trading_platform.ports.broker import OpenOrder

_STATUSES: Final = {
    "NEW": OrderStatus.OPEN,
    "PENDING_NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}


def placed_report(symbol: str, client_order_id: str, answer: object) -> OrderReport:
    """Report out of the FULL answer to a new order.

    Raises
    ------
    MalformedAnswer
        Also if it is another order's answer, or its fills aren't all there.
    """
    order = mapping(answer, "the answer to the order")
    time = moment(member(order, "transactTime"), "transactTime")
    fills = tuple(
        Fill(
            venue_trade_id=text_member(fill, "tradeId"),
            price=decimal_member(fill, "price"),
            quantity=decimal_member(fill, "qty"),
            fee=decimal_member(fill, "commission"),
            fee_asset=text_member(fill, "commissionAsset"),
            time=time,
        )
        for fill in _objects(member(order, "fills"), "fills")
    )
    return _report(symbol, client_order_id, order, fills)


def found_report(symbol: str, client_order_id: str, answer: object, trades: Sequence[object]) -> OrderReport:
    """Report out of a queried order and its trades; same errors as `placed_report`."""
    fills = tuple(
        Fill(
            venue_trade_id=text_member(trade, "id"),
            price=decimal_member(trade, "price"),
            quantity=decimal_member(trade, "qty"),
            fee=decimal_member(trade, "commission"),
            fee_asset=text_member(trade, "commissionAsset"),
            time=moment(member(trade, "time"), "a trade's time"),
        )
        for trade in _objects(trades, "trades")
    )
    return _report(symbol, client_order_id, mapping(answer, "the order"), fills)


def list_reports(symbol: str, client_order_ids: Sequence[str], answer: object) -> dict[str, OrderReport]:
    """Reports on the orders of a list that have traded nothing, out of the answer to a new list or to its cancel.

    Raises
    ------
    MalformedAnswer
        If an order of the list isn't told of.
    """
    reports = _objects(member(mapping(answer, "the answer to the list"), "orderReports"), "orderReports")
    # a cancel's report names the cancel, and the order as the original
    named = {str(report.get("origClientOrderId", report.get("clientOrderId"))): report for report in reports}
    missing = [order_id for order_id in client_order_ids if order_id not in named]
    if missing:
        raise MalformedAnswer(f"the venue's answer about the list doesn't tell of {', '.join(missing)}")
    return {
        order_id: _report(symbol, order_id, {**named[order_id], "clientOrderId": order_id}, ())
        for order_id in client_order_ids
        if decimal_member(named[order_id], "executedQty") == 0
    }


def open_order(symbol: str, order: Json) -> OpenOrder:
    """An entry of the open orders."""
    side = text_member(order, "side").lower()
    if side not in tuple(Side):
        raise MalformedAnswer(f"an open order has the unknown side {side!r}")
    client_order_id = text_member(order, "clientOrderId")
    return OpenOrder(client_order_id, symbol, Side(side), decimal_member(order, "executedQty"))


def _report(symbol: str, client_order_id: str, order: Json, fills: tuple[Fill, ...]) -> OrderReport:
    if order.get("clientOrderId") != client_order_id:
        raise MalformedAnswer(f"the venue answered about another order than {client_order_id}")
    filled = decimal_member(order, "executedQty")
    if sum(fill.quantity for fill in fills) != filled:
        raise MalformedAnswer(f"order {client_order_id}: its trades don't yet add up to the {filled} that it filled")
    said = text_member(order, "status")
    if said not in _STATUSES:
        raise MalformedAnswer(f"order {client_order_id} has the unknown status {said!r}")
    status = _STATUSES[said]
    if status is OrderStatus.OPEN and filled > 0:
        status = OrderStatus.PARTIALLY_FILLED
    return OrderReport(client_order_id, symbol, text_member(order, "orderId"), status, filled, fills)


def _objects(value: object, what: str) -> list[Json]:
    return [mapping(item, what) for item in sequence(value, what)]
