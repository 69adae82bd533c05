"""The venue's rules for orders, from Binance's filters or, for quotes of other venues, from ccxt's markets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading_platform.adapters.ccxt_exchange.client import Market
from trading_platform.adapters.ccxt_exchange.wire_fields import Json, decimal, decimal_member, mapping, sequence
from trading_platform.domain.instrument import Instrument

_NONE = Decimal(0)
_LOT_FILTERS = ("LOT_SIZE", "MARKET_LOT_SIZE")
_NOTIONAL_FILTERS = ("NOTIONAL", "MIN_NOTIONAL")


@dataclass(frozen=True)
class FeeRates:
    """Commission as a fraction of what is received."""

    maker: Decimal
    taker: Decimal


def fee_rates(account: Json) -> FeeRates:
    """The account's own rates, as ``GET account`` tells them."""
    rates = mapping(account.get("commissionRates"), "commissionRates")
    return FeeRates(decimal_member(rates, "maker"), decimal_member(rates, "taker"))


def listed_fees(market: Market) -> FeeRates:
    """What the venue charges without any discount, as its listing has it."""
    # ccxt keeps them as floats: the shortest text that stands for one is the rate as it is published
    maker, taker = (decimal(str(market.get(name)), f"the {name}'s fee") for name in ("maker", "taker"))
    return FeeRates(maker, taker)


def binance_instrument(market: Market, fees: FeeRates) -> Instrument:
    """Rules of a market order: of two lot filters, the tighter bounds."""
    info = mapping(market["info"], "the market")
    by_type = {entry.get("filterType"): entry for entry in sequence(info.get("filters"), "filters")}
    lots = [by_type[name] for name in _LOT_FILTERS if name in by_type]
    notionals = [by_type[name] for name in _NOTIONAL_FILTERS if name in by_type]
    prices = mapping(by_type.get("PRICE_FILTER"), "PRICE_FILTER")
    return Instrument(
        symbol=market["symbol"],
        base=market["base"],
        quote=market["quote"],
        tick_size=decimal_member(prices, "tickSize"),
        lot_step=max(_members(lots, "stepSize"), default=_NONE),
        min_quantity=max(_members(lots, "minQty"), default=_NONE),
        max_quantity=min((most for most in _members(lots, "maxQty") if most > 0), default=None),
        min_notional_quote=max(_members(notionals, "minNotional"), default=_NONE),
        taker_fee_rate=fees.taker,
        maker_fee_rate=fees.maker,
        min_price=_optional(prices, "minPrice") or _NONE,
        max_price=_optional(prices, "maxPrice"),
        max_notional_quote=min((most for most in map(_largest_market_notional, notionals) if most), default=None),
        min_sell_price_ratio=_bound(by_type, "askMultiplierDown", "multiplierDown"),
        max_sell_price_ratio=_bound(by_type, "askMultiplierUp", "multiplierUp"),
        max_orders=_count(by_type, "MAX_NUM_ORDERS", "maxNumOrders"),
        max_algo_orders=_count(by_type, "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
        max_position=_optional(mapping(by_type.get("MAX_POSITION", {}), "MAX_POSITION"), "maxPosition"),
    )


def unified_instrument(market: Market, precision_is_step: bool, least_tick: Any = None) -> Instrument:
    """Rules of any venue's market in ccxt's common form.

    Parameters
    ----------
    precision_is_step
        Whether ccxt states this venue's precision as a step, not as a number of decimals.
    least_tick
        A tick that the venue states beside its number of decimals, and that may be coarser (Kraken).
    """
    precision, limits = market["precision"], market["limits"]
    maximum = limits["amount"].get("max")
    return Instrument(
        symbol=market["symbol"],
        base=market["base"],
        quote=market["quote"],
        tick_size=max(_step(precision.get("price"), precision_is_step), _number(least_tick)),
        lot_step=_step(precision.get("amount"), precision_is_step),
        min_quantity=_number(limits["amount"].get("min")),
        max_quantity=None if maximum is None else _number(maximum),
        min_notional_quote=_number(limits["cost"].get("min")),
        taker_fee_rate=_number(market.get("taker")),
        maker_fee_rate=_number(market.get("maker")),
    )


def _bound(by_type: Json, of_sells: str, of_both: str) -> Decimal | None:
    """A multiplier of PERCENT_PRICE_BY_SIDE or, where the venue has only that, of PERCENT_PRICE."""
    for filter_name, name in (("PERCENT_PRICE_BY_SIDE", of_sells), ("PERCENT_PRICE", of_both)):
        if filter_name in by_type:
            return decimal_member(mapping(by_type[filter_name], filter_name), name)
    return None


def _largest_market_notional(notional: Json) -> Decimal | None:
    """Most that a market order may be worth; the entry and an emergency exit are such."""
    return _optional(notional, "maxNotional") if notional.get("applyMaxToMarket") else None


def _optional(entry: Json, name: str) -> Decimal | None:
    """A bound; zero or absent means that there is none."""
    return (decimal_member(entry, name) or None) if name in entry else None


def _count(by_type: Json, filter_type: str, name: str) -> int | None:
    return int(decimal_member(mapping(by_type[filter_type], filter_type), name)) if filter_type in by_type else None


def _members(filters: Iterable[Json], name: str) -> list[Decimal]:
    return [decimal_member(entry, name) for entry in filters]


def _step(precision: Any, precision_is_step: bool) -> Decimal:
    number = _number(precision)
    return number if precision_is_step or precision is None else Decimal(1).scaleb(-int(number))


def _number(value: Any) -> Decimal:
    """ccxt writes its own constants (default fees) as floats; their shortest text is what was meant."""
    return _NONE if value is None else decimal(str(value), "a limit")
