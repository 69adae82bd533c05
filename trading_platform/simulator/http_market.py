"""Public requests: time, rules and market data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trading_platform.simulator import wire_market
from trading_platform.simulator.call import Call, Handler, Route, Weight
from trading_platform.simulator.errors import invalid_interval
from trading_platform.simulator.model import Kline, Ticker24h
from trading_platform.simulator.wire_errors import WireError
from trading_platform.simulator.wire_market import Json
from trading_platform.simulator.wire_parameters import SYMBOL_FORM

MARKET = "market"
BINANCE_INTERVALS = (
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
)  # fmt: skip


def ping(call: Call) -> Json:
    """Answer at all."""
    call.parameters.finish()
    return {}


def server_time(call: Call) -> Json:
    """The wall clock by which requests are judged."""
    call.parameters.finish()
    return {"serverTime": call.context.server_time_ms()}


def exchange_info(call: Call) -> Json:
    """Rate limits, symbols and their filters."""
    parameters = call.parameters
    wanted = parameters.optional_symbols()
    parameters.ignore("permissions", "showPermissionSets", "symbolStatus")
    exchange, faults = call.context.exchange, call.context.faults

    def is_trading(symbol: str) -> bool:
        return faults.find("close_market", symbol=symbol) is None and exchange.is_trading(symbol)

    rules = exchange.symbols() if wanted is None else [exchange.rules(symbol) for symbol in wanted]
    return {
        "timezone": "UTC",
        "serverTime": call.context.server_time_ms(),
        "rateLimits": call.context.limits.wire(),
        "exchangeFilters": [],
        "symbols": [wire_market.symbol_info(rule, trading=is_trading(rule.symbol)) for rule in rules],
    }


def klines(call: Call) -> list[list[object]]:
    """Candles by open time."""
    parameters = call.parameters
    symbol = parameters.text("symbol", SYMBOL_FORM)
    interval = parameters.text("interval")
    start_ms, end_ms = parameters.optional_integer("startTime"), parameters.optional_integer("endTime")
    limit = parameters.limit(500, 1000)
    parameters.ignore("timeZone")
    if interval not in BINANCE_INTERVALS:
        raise invalid_interval()
    found: list[Kline] = call.context.exchange.klines(symbol, interval, start_ms, end_ms, limit)
    return [wire_market.kline_row(kline) for kline in found]


def depth(call: Call) -> Json:
    """The order book."""
    symbol = call.parameters.text("symbol", SYMBOL_FORM)
    return wire_market.depth(call.context.book_for_rest(symbol, call.parameters.limit(100, 5000)))


def trades(call: Call) -> list[Json]:
    """The last public trades."""
    symbol = call.parameters.text("symbol", SYMBOL_FORM)
    found = call.context.exchange.recent_trades(symbol, call.parameters.limit(500, 1000))
    return [wire_market.public_trade(trade) for trade in found]


def aggregate_trades(call: Call) -> list[Json]:
    """Aggregate trades from an id, in a time span, or the last ones."""
    parameters = call.parameters
    found = call.context.exchange.agg_trades(
        parameters.text("symbol", SYMBOL_FORM),
        parameters.optional_integer("fromId"),
        parameters.optional_integer("startTime"),
        parameters.optional_integer("endTime"),
        parameters.limit(500, 1000),
    )
    return [wire_market.aggregate_trade(trade) for trade in found]


def average_price(call: Call) -> Json:
    """The average of the last minutes."""
    symbol = call.parameters.text("symbol", SYMBOL_FORM)
    return wire_market.average_price(call.context.exchange.average_price(symbol))


def ticker_24h(call: Call) -> Json | list[Json]:
    """Statistics of the last 24 hours."""
    kind = call.parameters.optional_choice("type", ("FULL", "MINI"), WireError(-1139, "Invalid ticker type."))
    form: Callable[[Ticker24h], Json] = wire_market.mini_ticker_24h if kind == "MINI" else wire_market.ticker_24h
    return _per_symbol(call, lambda symbol: form(call.context.exchange.ticker_24h(symbol)))


def ticker_price(call: Call) -> Json | list[Json]:
    """Last prices."""
    exchange = call.context.exchange
    return _per_symbol(
        call, lambda symbol: {"symbol": symbol, "price": wire_market.amount(exchange.last_price(symbol))}
    )


def book_ticker(call: Call) -> Json | list[Json]:
    """Best bids and asks."""
    exchange = call.context.exchange
    return _per_symbol(call, lambda symbol: wire_market.book_ticker(exchange.book_ticker(symbol)))


def _per_symbol(call: Call, one: Callable[[str], Json]) -> Json | list[Json]:
    """An object for ``symbol``, a list for ``symbols`` or none of both."""
    single = call.parameters.has("symbol")
    symbols = call.parameters.optional_symbols()
    call.parameters.ignore("symbolStatus")
    if symbols is None:
        symbols = [rules.symbol for rules in call.context.exchange.symbols()]
    answers = [one(symbol) for symbol in symbols]
    return answers[0] if single else answers


def _depth_weight(values: Mapping[str, str]) -> int:
    limit = values.get("limit", "100")
    levels = int(limit) if limit.isdigit() else 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if levels <= most), 250)


def _ticker_24h_weight(values: Mapping[str, str]) -> int:
    if "symbol" in values:
        return 2
    if "symbols" not in values:
        return 80
    count = values["symbols"].count('"') // 2
    return 2 if count <= 20 else 40 if count <= 100 else 80


def _ticker_weight(values: Mapping[str, str]) -> int:
    return 2 if "symbol" in values else 4


def _get(path: str, handler: Handler, weight: Weight) -> Route:
    return Route("GET", path, handler, weight, MARKET)


ROUTES = (
    _get("/api/v3/ping", ping, 1),
    _get("/api/v3/time", server_time, 1),
    _get("/api/v3/exchangeInfo", exchange_info, 20),
    _get("/api/v3/klines", klines, 2),
    _get("/api/v3/uiKlines", klines, 2),
    _get("/api/v3/depth", depth, _depth_weight),
    _get("/api/v3/trades", trades, 25),
    _get("/api/v3/aggTrades", aggregate_trades, 4),
    _get("/api/v3/avgPrice", average_price, 2),
    _get("/api/v3/ticker/24hr", ticker_24h, _ticker_24h_weight),
    _get("/api/v3/ticker/price", ticker_price, _ticker_weight),
    _get("/api/v3/ticker/bookTicker", book_ticker, _ticker_weight),
)
