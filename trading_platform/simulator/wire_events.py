"""Events in the exchange's JSON: what streams and user data subscriptions push."""

from __future__ import annotations

from trading_platform.simulator.model import (
    ZERO,
    BalancesEvent,
    Book,
    BookTicker,
    ExecutionEvent,
    ExecutionType,
    Kline,
    Level,
    ListEvent,
    Order,
    PublicTrade,
    Ticker24h,
    Trade,
)
from trading_platform.simulator.wire_market import SELF_TRADE_PREVENTION, Json, amount, levels


def kline(symbol: str, interval: str, candle: Kline, time_ms: int) -> Json:
    """``<symbol>@kline_<interval>``."""
    return {
        "e": "kline",
        "E": time_ms,
        "s": symbol,
        "k": {
            "t": candle.open_time_ms,
            "T": candle.close_time_ms,
            "s": symbol,
            "i": interval,
            "f": -1,
            "L": -1,
            "o": amount(candle.open),
            "c": amount(candle.close),
            "h": amount(candle.high),
            "l": amount(candle.low),
            "v": amount(candle.volume),
            "n": candle.trades,
            "x": candle.closed,
            "q": amount(candle.quote_volume),
            "V": amount(candle.taker_buy_base),
            "Q": amount(candle.taker_buy_quote),
            "B": "0",
        },
    }


def mini_ticker(ticker: Ticker24h, time_ms: int) -> Json:
    """``<symbol>@miniTicker``."""
    return {
        "e": "24hrMiniTicker",
        "E": time_ms,
        "s": ticker.symbol,
        "c": amount(ticker.last_price),
        "o": amount(ticker.open_price),
        "h": amount(ticker.high_price),
        "l": amount(ticker.low_price),
        "v": amount(ticker.volume),
        "q": amount(ticker.quote_volume),
    }


def ticker(statistics: Ticker24h, time_ms: int) -> Json:
    """``<symbol>@ticker``."""
    return {
        "e": "24hrTicker",
        "E": time_ms,
        "s": statistics.symbol,
        "p": amount(statistics.price_change),
        "P": f"{statistics.price_change_percent:.3f}",
        "w": amount(statistics.weighted_average_price),
        "x": amount(statistics.previous_close),
        "c": amount(statistics.last_price),
        "Q": amount(statistics.last_quantity),
        "b": amount(statistics.bid_price),
        "B": amount(statistics.bid_quantity),
        "a": amount(statistics.ask_price),
        "A": amount(statistics.ask_quantity),
        "o": amount(statistics.open_price),
        "h": amount(statistics.high_price),
        "l": amount(statistics.low_price),
        "v": amount(statistics.volume),
        "q": amount(statistics.quote_volume),
        "O": statistics.open_time_ms,
        "C": statistics.close_time_ms,
        "F": statistics.first_trade_id,
        "L": statistics.last_trade_id,
        "n": statistics.trades,
    }


def book_ticker(best: BookTicker) -> Json:
    """``<symbol>@bookTicker``."""
    return {
        "u": best.update_id,
        "s": best.symbol,
        "b": amount(best.bid_price),
        "B": amount(best.bid_quantity),
        "a": amount(best.ask_price),
        "A": amount(best.ask_quantity),
    }


def trade(symbol: str, public: PublicTrade, time_ms: int) -> Json:
    """``<symbol>@trade``."""
    return {
        "e": "trade",
        "E": time_ms,
        "s": symbol,
        "t": public.trade_id,
        "p": amount(public.price),
        "q": amount(public.quantity),
        "T": public.time_ms,
        "m": public.buyer_is_maker,
        "M": True,
    }


def aggregate_trade(symbol: str, public: PublicTrade, time_ms: int) -> Json:
    """``<symbol>@aggTrade``."""
    return {
        "e": "aggTrade",
        "E": time_ms,
        "s": symbol,
        "a": public.trade_id,
        "p": amount(public.price),
        "q": amount(public.quantity),
        "f": public.trade_id,
        "l": public.trade_id,
        "T": public.time_ms,
        "m": public.buyer_is_maker,
        "M": True,
    }


def depth_update(before: Book, after: Book, time_ms: int) -> Json:
    """``<symbol>@depth``: the levels which changed between two books, gone ones with quantity zero."""
    return {
        "e": "depthUpdate",
        "E": time_ms,
        "s": after.symbol,
        "U": before.update_id + 1,
        "u": after.update_id,
        "b": _changed_levels(before.bids, after.bids),
        "a": _changed_levels(before.asks, after.asks),
    }


def execution_report(event: ExecutionEvent) -> Json:
    """``executionReport``."""
    order, fill = event.order, event.trade
    canceled = event.execution_type is ExecutionType.CANCELED
    report = _order_part(order, canceled=canceled, canceled_id=event.original_client_order_id)
    report |= {"x": str(event.execution_type), "X": str(order.status), "T": event.time_ms, "E": event.time_ms}
    report |= _fill_part(fill)
    if order.working_time_ms >= 0:
        report["W"] = order.working_time_ms
    return report


def account_position(event: BalancesEvent) -> Json:
    """``outboundAccountPosition``."""
    return {
        "e": "outboundAccountPosition",
        "E": event.time_ms,
        "u": event.time_ms,
        "B": [{"a": held.asset, "f": amount(held.free), "l": amount(held.locked)} for held in event.balances],
    }


def list_status(event: ListEvent) -> Json:
    """``listStatus``."""
    order_list = event.order_list
    return {
        "e": "listStatus",
        "E": event.time_ms,
        "s": order_list.symbol,
        "g": order_list.order_list_id,
        "c": order_list.contingency_type,
        "l": str(order_list.status),
        "L": str(order_list.order_status),
        "r": "NONE",
        "C": order_list.list_client_order_id,
        "T": event.time_ms,
        "O": [{"s": o.symbol, "i": o.order_id, "c": o.client_order_id} for o in order_list.orders],
    }


def event_stream_terminated(time_ms: int) -> Json:
    """``eventStreamTerminated``."""
    return {"e": "eventStreamTerminated", "E": time_ms}


def _order_part(order: Order, *, canceled: bool, canceled_id: str) -> Json:
    return {
        "e": "executionReport",
        "s": order.symbol,
        "c": order.client_order_id,
        "S": str(order.side),
        "o": str(order.type),
        "f": str(order.time_in_force),
        "q": amount(order.quantity),
        "p": amount(order.price),
        "P": amount(order.stop_price),
        "F": amount(ZERO),
        "g": order.order_list_id,
        "C": canceled_id if canceled else "",
        "r": "NONE",
        "i": order.order_id,
        "z": amount(order.executed_quantity),
        "I": order.order_id,
        "w": order.is_working,
        "M": False,
        "O": order.time_ms,
        "Z": amount(order.executed_quote),
        "Q": amount(order.original_quote_quantity),
        "V": SELF_TRADE_PREVENTION,
    }


def _fill_part(fill: Trade | None) -> Json:
    if fill is None:
        zero = amount(ZERO)
        return {"l": zero, "L": zero, "Y": zero, "n": "0", "N": None, "t": -1, "m": False}
    return {
        "l": amount(fill.quantity),
        "L": amount(fill.price),
        "Y": amount(fill.quote_quantity),
        "n": amount(fill.commission),
        "N": fill.commission_asset,
        "t": fill.trade_id,
        "m": fill.is_maker,
    }


def _changed_levels(before: tuple[Level, ...], after: tuple[Level, ...]) -> list[list[str]]:
    known = set(before)
    prices = {level.price for level in after}
    gone = [Level(level.price, ZERO) for level in before if level.price not in prices]
    return levels([level for level in after if level not in known] + gone)
