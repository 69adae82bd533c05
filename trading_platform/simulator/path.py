"""How the price moves inside a candle.

A candle is `PRINTS` trades at fixed times. The price runs along straight legs from the open over
the two extremes to the close: the low comes first in a rising candle, the high in a falling one.
The first print is the open, the last (at the candle's close time) the close, each extreme is hit
exactly, and the traded volumes add up to the candle's. So the candle in progress, the trades and
the matching of orders all tell the same story, and the finished candle is the recorded one.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from trading_platform.simulator.candles import Candle

_SLOTS = 60
PRINTS = _SLOTS + 1
LAST_PRINT = PRINTS - 1


def print_at(elapsed_ms: int, interval_ms: int) -> int:
    """Index of the newest print ``elapsed_ms`` after the candle's open."""
    if elapsed_ms >= interval_ms - 1:
        return LAST_PRINT
    return elapsed_ms * _SLOTS // interval_ms


def print_offset_ms(index: int, interval_ms: int) -> int:
    """Time of a print after its candle's open."""
    if index == LAST_PRINT:
        return interval_ms - 1
    return -(-index * interval_ms // _SLOTS)


@lru_cache(maxsize=4096)
def path_prices(open_: int, high: int, low: int, close: int) -> tuple[int, ...]:
    """Price of each print."""
    corners = (open_, low, high, close) if close >= open_ else (open_, high, low, close)
    legs = [abs(b - a) for a, b in pairwise(corners)]
    total = sum(legs)
    if total == 0:
        return (open_,) * PRINTS
    first = max(_SLOTS * legs[0] // total, 1 if legs[0] else 0)
    second = min(_SLOTS * (legs[0] + legs[1]) // total, _SLOTS - 1 if legs[2] else _SLOTS)
    knots = (0, first, second, _SLOTS)
    prices = [open_]
    for leg in range(3):
        prices += _line(corners[leg], corners[leg + 1], knots[leg + 1] - knots[leg])
    return tuple(prices)


def _line(start: int, end: int, steps: int) -> list[int]:
    return [start + (end - start) * i // steps for i in range(1, steps + 1)]


def traded_until(total: int, index: int) -> int:
    """Part of a candle's total (volume, trades …) that has traded up to a print."""
    return total * (index + 1) // PRINTS


def traded_at(total: int, index: int) -> int:
    """Part of a candle's total that trades at a print."""
    return traded_until(total, index) - (traded_until(total, index - 1) if index else 0)


def candle_until(candle: Candle, index: int) -> Candle:
    """The candle as it stands right after a print; the candle itself after the last one."""
    prices = path_prices(candle.open, candle.high, candle.low, candle.close)[: index + 1]
    return Candle(
        candle.number,
        candle.open,
        max(prices),
        min(prices),
        prices[-1],
        *(traded_until(total, index) for total in candle[5:]),
    )
