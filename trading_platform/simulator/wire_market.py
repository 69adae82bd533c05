"""Market data in the exchange's JSON: symbols and filters, candles, tickers, books, public trades."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trading_platform.simulator.model import (
    AveragePrice,
    Book,
    BookTicker,
    Kline,
    Level,
    OrderType,
    PublicTrade,
    SymbolRules,
    Ticker24h,
)

Json = dict[str, object]

ASSET_PRECISION = 8
SELF_TRADE_PREVENTION = "EXPIRE_MAKER"


def amount(value: Decimal) -> str:
    """A price, quantity or amount with the eight decimals the exchange sends."""
    return f"{value:.8f}"


def symbol_info(rules: SymbolRules, *, trading: bool) -> Json:
    """One entry of exchangeInfo's ``symbols``; only what the simulation offers is declared allowed."""
    return {
        "symbol": rules.symbol,
        "status": "TRADING" if trading else "BREAK",
        "baseAsset": rules.base_asset,
        "baseAssetPrecision": ASSET_PRECISION,
        "quoteAsset": rules.quote_asset,
        "quotePrecision": ASSET_PRECISION,
        "quoteAssetPrecision": ASSET_PRECISION,
        "baseCommissionPrecision": ASSET_PRECISION,
        "quoteCommissionPrecision": ASSET_PRECISION,
        "orderTypes": sorted(OrderType),
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": SELF_TRADE_PREVENTION,
        "allowedSelfTradePreventionModes": [SELF_TRADE_PREVENTION],
    }


def filters(rules: SymbolRules) -> list[Json]:
    """The symbol's trading rules as the exchange's filters."""
    minutes = rules.average_price_minutes
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": amount(rules.min_price),
            "maxPrice": amount(rules.max_price),
            "tickSize": amount(rules.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": amount(rules.min_quantity),
            "maxQty": amount(rules.max_quantity),
            "stepSize": amount(rules.step_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": amount(Decimal(0)),
            "maxQty": amount(rules.max_market_quantity),
            "stepSize": amount(Decimal(0)),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": _plain(rules.bid_multiplier_up),
            "bidMultiplierDown": _plain(rules.bid_multiplier_down),
            "askMultiplierUp": _plain(rules.ask_multiplier_up),
            "askMultiplierDown": _plain(rules.ask_multiplier_down),
            "avgPriceMins": minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": amount(rules.min_notional),
            "applyMinToMarket": True,
            "maxNotional": amount(rules.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": rules.max_order_lists},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": rules.max_algo_orders},
    ]


def kline_row(kline: Kline) -> list[object]:
    """One row of ``klines``."""
    return [
        kline.open_time_ms,
        amount(kline.open),
        amount(kline.high),
        amount(kline.low),
        amount(kline.close),
        amount(kline.volume),
        kline.close_time_ms,
        amount(kline.quote_volume),
        kline.trades,
        amount(kline.taker_buy_base),
        amount(kline.taker_buy_quote),
        "0",
    ]


def ticker_24h(ticker: Ticker24h) -> Json:
    """``ticker/24hr`` of type FULL."""
    return {
        "symbol": ticker.symbol,
        "priceChange": amount(ticker.price_change),
        "priceChangePercent": f"{ticker.price_change_percent:.3f}",
        "weightedAvgPrice": amount(ticker.weighted_average_price),
        "prevClosePrice": amount(ticker.previous_close),
        "lastPrice": amount(ticker.last_price),
        "lastQty": amount(ticker.last_quantity),
        "bidPrice": amount(ticker.bid_price),
        "bidQty": amount(ticker.bid_quantity),
        "askPrice": amount(ticker.ask_price),
        "askQty": amount(ticker.ask_quantity),
        "openPrice": amount(ticker.open_price),
        "highPrice": amount(ticker.high_price),
        "lowPrice": amount(ticker.low_price),
        "volume": amount(ticker.volume),
        "quoteVolume": amount(ticker.quote_volume),
        "openTime": ticker.open_time_ms,
        "closeTime": ticker.close_time_ms,
        "firstId": ticker.first_trade_id,
        "lastId": ticker.last_trade_id,
        "count": ticker.trades,
    }


_MINI_FIELDS = (
    "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume",
    "openTime", "closeTime", "firstId", "lastId", "count",
)  # fmt: skip


def mini_ticker_24h(ticker: Ticker24h) -> Json:
    """``ticker/24hr`` of type MINI."""
    full = ticker_24h(ticker)
    return {name: full[name] for name in _MINI_FIELDS}


def book_ticker(ticker: BookTicker) -> Json:
    """``ticker/bookTicker``."""
    return {
        "symbol": ticker.symbol,
        "bidPrice": amount(ticker.bid_price),
        "bidQty": amount(ticker.bid_quantity),
        "askPrice": amount(ticker.ask_price),
        "askQty": amount(ticker.ask_quantity),
    }


def levels(side: Sequence[Level]) -> list[list[str]]:
    """One side of a book."""
    return [[amount(level.price), amount(level.quantity)] for level in side]


def depth(book: Book) -> Json:
    """``depth``."""
    return {"lastUpdateId": book.update_id, "bids": levels(book.bids), "asks": levels(book.asks)}


def public_trade(trade: PublicTrade) -> Json:
    """One entry of ``trades``."""
    return {
        "id": trade.trade_id,
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "quoteQty": amount(trade.quote_quantity),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def aggregate_trade(trade: PublicTrade) -> Json:
    """One entry of ``aggTrades``: an aggregate of a single trade."""
    return {
        "a": trade.trade_id,
        "p": amount(trade.price),
        "q": amount(trade.quantity),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.time_ms,
        "m": trade.buyer_is_maker,
        "M": True,
    }


def average_price(average: AveragePrice) -> Json:
    """``avgPrice``."""
    return {"mins": average.minutes, "price": amount(average.price), "closeTime": average.close_time_ms}


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
