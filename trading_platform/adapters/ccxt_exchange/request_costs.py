"""What a request costs of which of the venue's limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from trading_platform.adapters.ccxt_exchange.exact_exchange import OutgoingRequest
from trading_platform.adapters.ccxt_exchange.wire_fields import Json
from trading_platform.domain.request_limits import Charge, RequestLimit, used_by_the_venues_count

_SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}
_WEIGHT, _ORDERS, _REQUESTS = "REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"
_PACE_BURST_SECONDS = 10.0
_ORDERS_PLACED: Final = {"order": 1.0, "orderList/oco": 2.0}

# ccxt's costs times this are Binance's weights, but for those below.
_WEIGHT_PER_COST: Final = 5.0
_AGG_TRADES_WEIGHT: Final = 4.0
_TICKERS_WEIGHTS: Final = ((20, 2.0), (100, 40.0))
_ALL_TICKERS_WEIGHT: Final = 80.0


def stated_limits(entries: Sequence[Any]) -> dict[str, list[RequestLimit]]:
    """The limits of Binance's exchangeInfo by what they count; entries of no known form are left out."""
    limits: dict[str, list[RequestLimit]] = {}
    for entry in entries:
        kind, seconds, amount = _entry(entry)
        if seconds and amount > 0:
            name = f"{kind.lower()}_{seconds}s"
            limits.setdefault(kind, []).append(RequestLimit.of_window(name, amount, seconds))
    return limits


def pace(milliseconds_per_unit: float) -> RequestLimit:
    """The limit that ccxt knows of a venue which doesn't state any: so many milliseconds per unit of cost."""
    per_second = 1000.0 / milliseconds_per_unit
    return RequestLimit("pace", per_second * _PACE_BURST_SECONDS, per_second)


def charges(
    request: OutgoingRequest,
    stated: dict[str, list[RequestLimit]],
    otherwise: RequestLimit,
    used_weight: float | None,
    used_seconds_ago: float,
) -> list[Charge]:
    """What a request costs.

    Parameters
    ----------
    otherwise
        The limit of a venue that has stated none (yet).
    used_weight, used_seconds_ago
        What the venue said last of the weight used in its minute, and how long ago.
    """
    if not stated:
        return [Charge(otherwise, request.cost)]
    costs = {_WEIGHT: binance_weight(request), _REQUESTS: 1.0, _ORDERS: _orders_in(request)}
    return [
        Charge(limit, costs[kind], _floor(kind, limit, used_weight, used_seconds_ago))
        for kind in costs
        for limit in stated.get(kind, ())
        if costs[kind]
    ]


def binance_weight(request: OutgoingRequest) -> float:
    """The documented weight, where ccxt's cost is another."""
    if request.path == "aggTrades":
        return _AGG_TRADES_WEIGHT
    if request.path == "ticker/24hr" and "symbols" in request.parameters:
        symbols = request.parameters["symbols"]
        number = len(json.loads(symbols) if isinstance(symbols, str) else symbols)
        return next((weight for most, weight in _TICKERS_WEIGHTS if number <= most), _ALL_TICKERS_WEIGHT)
    return request.cost * _WEIGHT_PER_COST


def _entry(entry: Json) -> tuple[str, int, int]:
    try:
        seconds = _SECONDS[str(entry["interval"])] * int(entry["intervalNum"])
        return str(entry["rateLimitType"]), seconds, int(entry["limit"])
    except (KeyError, TypeError, ValueError):
        return "", 0, 0


def _orders_in(request: OutgoingRequest) -> float:
    """How many orders the request places."""
    return _ORDERS_PLACED.get(request.path, 0.0) if request.method == "POST" else 0.0


def _floor(kind: str, limit: RequestLimit, used: float | None, seconds_ago: float) -> float:
    return used_by_the_venues_count(limit, used, seconds_ago) if kind == _WEIGHT and used is not None else 0.0
