"""A market that follows recorded or generated candles, print by print.

A moment's number is ``candle number * PRINTS + print``, where candles are counted from the epoch:
it needs no state, survives restarts and doubles as the public trade id.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

from trading_platform.simulator.candles import Candle, CandleSource, CandleTable, decimal, exact_sum
from trading_platform.simulator.config import SimulatorConfig
from trading_platform.simulator.errors import market_is_closed, service_unavailable
from trading_platform.simulator.market import Tick
from trading_platform.simulator.model import PublicTrade
from trading_platform.simulator.numbers import floor_to, round_to
from trading_platform.simulator.path import (
    PRINTS,
    path_prices,
    print_at,
    print_offset_ms,
    traded_at,
)

_DEPTH_CANDLES = 20
_MINUTE_MS = 60_000
_LEAST_DEPTH_NOTIONALS = 20


class CandleMarket:
    """The `Market` of a `CandleSource`.

    Spread and depth of the book are the configuration's: the depth follows the volume of the last
    candles before the present one, so it never knows what is still to come.
    """

    def __init__(self, source: CandleSource, config: SimulatorConfig) -> None:
        self.source = source
        self.symbols = source.symbols
        self.interval_ms = source.interval_ms
        self._rules = {rules.symbol: rules for rules in source.symbols}
        self._half_spread = config.spread_bps / 20_000
        self._depth_share = config.book_level_volume_share * _MINUTE_MS / source.interval_ms

    def tick(self, symbol: str, now_ms: int) -> Tick:
        table = self.source.table(symbol, now_ms)
        number = self.number_at(symbol, now_ms)
        if number < 0:
            raise service_unavailable(f"{symbol} has no price before its first candle.")
        return self._tick(symbol, table, table.row_at_or_before(number // PRINTS), number % PRINTS)

    def number_at(self, symbol: str, now_ms: int) -> int:
        table = self.source.table(symbol, now_ms)
        row = table.row_at_or_before(now_ms // self.interval_ms)
        if row < 0:
            return -1
        number = int(table.number[row])
        return number * PRINTS + print_at(now_ms - number * self.interval_ms, self.interval_ms)

    def next_tick(
        self, symbol: str, after: int, until_ms: int, below: Decimal | None, above: Decimal | None
    ) -> Tick | None:
        table = self.source.table(symbol, until_ms)
        price_decimals = table.scale.price
        low = -1 if below is None else int(below.scaleb(price_decimals))
        high = (
            np.iinfo(np.int64).max
            if above is None
            else int(above.scaleb(price_decimals).to_integral_value(ROUND_CEILING))
        )
        start = table.row_at_or_after(after // PRINTS)
        stop = table.row_at_or_before(until_ms // self.interval_ms) + 1
        for row in _rows_reaching(table, start, stop, low, high):
            candle = table.candle(row)
            for index, price in enumerate(_prices(candle)):
                if candle.number * PRINTS + index <= after or low < price < high:
                    continue
                tick = self._tick(symbol, table, row, index)
                return tick if tick.time_ms <= until_ms else None
        return None

    def require_open(self, symbol: str, now_ms: int) -> None:
        """Closed inside a gap of the candles; open for good at their end, where time stands still."""
        end = self.source.ends_at_ms
        if end is not None and now_ms >= end:
            return
        table = self.source.table(symbol, now_ms)
        number = now_ms // self.interval_ms
        row = table.row_at_or_before(number)
        if row < 0 or int(table.number[row]) != number:
            raise market_is_closed()

    def average_price(self, symbol: str, now_ms: int) -> Decimal:
        rules = self._rules[symbol]
        table = self.source.table(symbol, now_ms)
        number = now_ms // self.interval_ms
        span = max(1, rules.average_price_minutes * _MINUTE_MS // self.interval_ms)
        rows = table.rows(table.row_at_or_after(number - span), table.row_at_or_after(number))
        base = decimal(exact_sum(rows.volume), table.scale.volume)
        if not base:
            return self.tick(symbol, now_ms).price
        quote = decimal(exact_sum(rows.quote_volume), table.scale.quote)
        return round_to(quote / base, Decimal("1E-8"), ROUND_FLOOR)

    def trades(self, symbol: str, first: int, last_ms: int, limit: int) -> list[PublicTrade]:
        found: list[PublicTrade] = []
        for trade in self._walk(symbol, first, last_ms):
            if len(found) == limit:
                break
            found.append(trade)
        return found

    def last_trades(self, symbol: str, now_ms: int, limit: int) -> list[PublicTrade]:
        """The newest trades, oldest first."""
        last = self.tick(symbol, now_ms).number
        candles = limit // PRINTS + 2
        found: list[PublicTrade] = []
        while len(found) < limit and candles < _MINUTE_MS:
            table = self.source.table(symbol, now_ms)
            row = max(0, table.row_at_or_before(last // PRINTS) - candles)
            found = list(self._walk(symbol, int(table.number[row]) * PRINTS, now_ms))
            if row == 0:
                break
            candles *= 4
        return found[-limit:]

    def first_number_at(self, time_ms: int) -> int:
        """Number of the first moment from a time on."""
        number, elapsed_ms = divmod(time_ms, self.interval_ms)
        index = print_at(elapsed_ms, self.interval_ms)
        late = print_offset_ms(index, self.interval_ms) < elapsed_ms
        return number * PRINTS + index + (1 if late else 0)

    def next_boundary(self, position_ms: int) -> int | None:
        """End of the next candle of any symbol that opens from a position on."""
        wanted = -(-position_ms // self.interval_ms)
        numbers = []
        for symbol in self._rules:
            table = self.source.table(symbol, position_ms)
            row = table.row_at_or_after(wanted)
            if row < len(table):
                numbers.append(int(table.number[row]))
        return (min(numbers) + 1) * self.interval_ms if numbers else None

    def close(self) -> None:
        """Nothing to let go of."""

    def _walk(self, symbol: str, first: int, last_ms: int) -> Iterator[PublicTrade]:
        table = self.source.table(symbol, last_ms)
        scale = table.scale
        stop = table.row_at_or_before(last_ms // self.interval_ms) + 1
        before = 0
        for row in range(table.row_at_or_after(first // PRINTS), stop):
            candle = table.candle(row)
            open_ms = candle.number * self.interval_ms
            for index, price in enumerate(_prices(candle)):
                time_ms = open_ms + print_offset_ms(index, self.interval_ms)
                number = candle.number * PRINTS + index
                volume = traded_at(candle.volume, index)
                if volume and number >= first and time_ms <= last_ms:
                    amount = decimal(price, scale.price)
                    quantity = decimal(volume, scale.volume)
                    yield PublicTrade(number, amount, quantity, amount * quantity, time_ms, price < before)
                before = price

    def _tick(self, symbol: str, table: CandleTable, row: int, index: int) -> Tick:
        rules = self._rules[symbol]
        candle = table.candle(row)
        price = decimal(_prices(candle)[index], table.scale.price)
        bid = round_to(price * (1 - self._half_spread), rules.tick_size, ROUND_FLOOR)
        ask = round_to(price * (1 + self._half_spread), rules.tick_size, ROUND_CEILING)
        return Tick(
            candle.number * PRINTS + index,
            candle.number * self.interval_ms + print_offset_ms(index, self.interval_ms),
            price,
            max(bid, rules.tick_size),
            max(ask, bid + rules.tick_size),
            decimal(traded_at(candle.volume, index), table.scale.volume),
            self._depth(symbol, table, row, price),
        )

    def _depth(self, symbol: str, table: CandleTable, row: int, price: Decimal) -> Decimal:
        rules = self._rules[symbol]
        recent = table.volume[max(0, row - _DEPTH_CANDLES) : row]
        if not len(recent):
            recent = table.volume[:1]
        mean = decimal(exact_sum(recent), table.scale.volume) / len(recent)
        least = _LEAST_DEPTH_NOTIONALS * rules.min_notional / price
        return max(floor_to(max(mean * self._depth_share, least), rules.step_size), rules.step_size)


def _prices(candle: Candle) -> tuple[int, ...]:
    return path_prices(candle.open, candle.high, candle.low, candle.close)


def _rows_reaching(table: CandleTable, start: int, stop: int, low: int, high: int) -> list[int]:
    """Rows of ``[start, stop)`` whose range touches ``low`` or ``high``."""
    part = table.rows(start, max(start, stop))
    return (np.flatnonzero((part.low <= low) | (part.high >= high)) + start).tolist()
