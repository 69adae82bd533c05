"""The synthetic order book around a moment's price, and what an order takes from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from trading_platform.simulator.market import Tick
from trading_platform.simulator.model import ZERO, Level, Side, SymbolRules
from trading_platform.simulator.numbers import floor_to, round_to

MAX_LEVELS = 5000
_TAKEABLE_LEVELS = 1000
_HASH = 2_654_435_761  # Knuth's multiplicative hash, to give each level a size of its own


class Fill(NamedTuple):
    price: Decimal
    quantity: Decimal


class Appetite(NamedTuple):
    """How much an order wants: a quantity, at most so much quote, up to a limit price."""

    side: Side
    quantity: Decimal | None
    quote: Decimal | None
    limit: Decimal | None


def levels(tick: Tick, rules: SymbolRules, level_bps: Decimal, side: Side) -> Iterator[Level]:
    """One side of the book, best level first: ``SELL`` gives the asks, ``BUY`` the bids."""
    gap = max(rules.tick_size, round_to(tick.price * level_bps / 10_000, rules.tick_size, ROUND_CEILING))
    best, step = (tick.ask, gap) if side is Side.SELL else (tick.bid, -gap)
    for index in range(MAX_LEVELS):
        price = best + index * step
        if price < rules.min_price:
            return
        yield Level(price, _level_quantity(tick, rules, 2 * index + (side is Side.SELL)))


def _level_quantity(tick: Tick, rules: SymbolRules, index: int) -> Decimal:
    """Half to one and a half times the mean depth."""
    tenths = 5 + ((tick.number * 7 + index) * _HASH >> 12) % 11
    return max(floor_to(tick.depth * tenths / 10, rules.step_size), rules.step_size)


def without_taken(book: Iterable[Level], taken: Decimal) -> Iterator[Level]:
    """The levels with so much of their quantity gone, best levels first."""
    for price, quantity in book:
        gone = min(taken, quantity)
        taken -= gone
        if quantity > gone:
            yield Level(price, quantity - gone)


def take(book: Iterable[Level], appetite: Appetite, step: Decimal) -> list[Fill]:
    """What an order gets from the opposite side of the book, level by level."""
    fills: list[Fill] = []
    quantity, quote = appetite.quantity, appetite.quote
    for index, level in enumerate(book):
        if index == _TAKEABLE_LEVELS or _is_beyond(appetite, level.price):
            break
        wanted = level.quantity if quantity is None else min(level.quantity, quantity)
        if quote is not None:
            wanted = min(wanted, floor_to(quote / level.price, step))
        if wanted <= ZERO:
            break
        fills.append(Fill(level.price, wanted))
        quantity = None if quantity is None else quantity - wanted
        quote = None if quote is None else quote - wanted * level.price
    return fills


def _is_beyond(appetite: Appetite, price: Decimal) -> bool:
    if appetite.limit is None:
        return False
    return price > appetite.limit if appetite.side is Side.BUY else price < appetite.limit
