"""A seeded market that never ends: regimes, jumps and correlated symbols.

The market is made in blocks of one day of one-minute candles. Block ``k`` depends on the seed,
``k`` and where block ``k - 1`` ended, on nothing else: a restart continues the same market, and
since the minute since genesis is the only time there is, everyone's market with the same seed is
the same one, shifted to the time of its first start.

Only raw bits of PCG64, integer arithmetic and the four basic operations on floats are used, in a
fixed order, so the prices don't depend on numpy's distributions or on the machine's math library.

One common factor runs through regimes (trends, ranges, turbulence); each symbol follows it with
its own beta and adds noise and jumps of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trading_platform.simulator.candles import CandleTable, Column, Scale, decimals_of
from trading_platform.simulator.config import SyntheticMarketConfig
from trading_platform.simulator.model import SymbolRules
from trading_platform.simulator.symbol_rules import rules_for

Floats = npt.NDArray[np.float64]

INTERVAL_MS = 60_000
BLOCK_CANDLES = 1440
_QUOTE_DECIMALS = 8
_UNKNOWN_VOLUME_DECIMALS = 3


class Regime(IntEnum):
    TREND_UP = 0
    TREND_DOWN = 1
    RANGE = 2
    VOLATILE = 3


class _Character(NamedTuple):
    """How a symbol behaves: start price, beta, noise per minute, volume per minute in quote."""

    start_price: str
    price_decimals: int
    beta: float
    noise: float
    quote_volume: float


_CHARACTERS = {
    "BTCUSDT": _Character("85000", 2, 1.0, 0.00012, 900_000.0),
    "ETHUSDT": _Character("3200", 2, 1.25, 0.00020, 600_000.0),
    "SOLUSDT": _Character("160", 2, 1.6, 0.00030, 250_000.0),
    "BNBUSDT": _Character("620", 2, 0.8, 0.00018, 120_000.0),
    "XRPUSDT": _Character("2.1", 4, 1.2, 0.00030, 150_000.0),
}
_UNKNOWN = _Character("100", 2, 1.2, 0.00030, 80_000.0)

_SIGMA = 0.00035  # common factor, per minute, in a calm market
_TREND_DRIFT = 0.30 * _SIGMA
_RANGE_MEMORY = 0.965  # of the common factor's distance from the range's middle, per minute
_TURBULENCE = 3.0
_SEGMENT_MINUTES = (60, 300)
_JUMP_ODDS = 900  # one jump of a symbol in so many minutes
_RESTORING = 0.8  # how strongly trends prefer to lead back to the start


@dataclass(slots=True)
class _State:
    """What a block hands to the next one."""

    level: float = 1.0
    prices: dict[str, float] = field(default_factory=dict)


class SyntheticCandles:
    """A `CandleSource` that grows on demand.

    Parameters
    ----------
    config
        Seed, symbols and length of the history.
    genesis_ms
        Open time of the first candle, a whole minute.
    """

    def __init__(self, config: SyntheticMarketConfig, genesis_ms: int) -> None:
        self._config = config
        self._genesis = genesis_ms // INTERVAL_MS
        self._rules = {s: rules_for(s, _character(s).price_decimals, _UNKNOWN_VOLUME_DECIMALS) for s in config.symbols}
        self._blocks = _blocks(config, self._rules, self._genesis)
        self._tables = next(self._blocks)

    @property
    def symbols(self) -> tuple[SymbolRules, ...]:
        return tuple(self._rules.values())

    @property
    def interval_ms(self) -> int:
        return INTERVAL_MS

    @property
    def starts_at_ms(self) -> int:
        return self._genesis * INTERVAL_MS

    @property
    def ends_at_ms(self) -> None:
        return None

    def table(self, symbol: str, until_ms: int) -> CandleTable:
        last = until_ms // INTERVAL_MS
        if int(self._tables[symbol].number[-1]) < last:
            self._grow(last)
        return self._tables[symbol]

    def _grow(self, last: int) -> None:
        """Add whole blocks, and drop the candles before the history that is kept."""
        parts = {symbol: [table] for symbol, table in self._tables.items()}
        reached = int(self._tables[self._config.symbols[0]].number[-1])
        while reached < last:
            for symbol, table in next(self._blocks).items():
                parts[symbol].append(table)
            reached += BLOCK_CANDLES
        keep = self._config.history_candles + 2 * BLOCK_CANDLES
        for symbol, tables in parts.items():
            joined = CandleTable.joined(tables)
            self._tables[symbol] = joined.rows(max(0, len(joined) - keep), len(joined))


def _character(symbol: str) -> _Character:
    return _CHARACTERS.get(symbol, _UNKNOWN)


def _blocks(
    config: SyntheticMarketConfig, rules: dict[str, SymbolRules], genesis: int
) -> Iterator[dict[str, CandleTable]]:
    state = _State(prices={s: float(_character(s).start_price) for s in config.symbols})
    index = 0
    while True:
        first = genesis + index * BLOCK_CANDLES
        regimes, common = _common_factor(_Bits(config.seed, index, "common"), state)
        yield {
            symbol: _symbol_block(_Bits(config.seed, index, symbol), rules[symbol], state, regimes, common, first)
            for symbol in config.symbols
        }
        index += 1


class _Bits:
    """Random numbers that are the same on every machine."""

    def __init__(self, seed: int, block: int, name: str) -> None:
        entropy = [seed, block, zlib.crc32(name.encode())]
        self._generator = np.random.PCG64(np.random.SeedSequence(entropy))

    def integer(self, low: int, high: int) -> int:
        """One integer of ``[low, high)``."""
        return low + int(self._generator.random_raw()) % (high - low)

    def uniform(self, size: int = BLOCK_CANDLES) -> Floats:
        """Uniform on ``[0, 1)``, 32 bits deep."""
        return (self._raw(size) >> np.uint64(32)).astype(np.float64) * 2.0**-32

    def normal(self, size: int = BLOCK_CANDLES) -> Floats:
        """Nearly normal, of unit variance: the sum of eight 16-bit uniforms (Irwin-Hall)."""
        words = self._raw(2 * size).view(np.uint16).astype(np.int64).reshape(size, 8)
        centred: Floats = (words.sum(axis=1) - 4 * 65535).astype(np.float64)
        return centred * (1.224744871391589 / 65536)

    def _raw(self, size: int) -> npt.NDArray[np.uint64]:
        return np.asarray(self._generator.random_raw(size), dtype=np.uint64)


def _common_factor(bits: _Bits, state: _State) -> tuple[Column, Floats]:
    """Regime and return of the common factor, per minute."""
    noise = _SIGMA * bits.normal()
    regimes = np.empty(BLOCK_CANDLES, dtype=np.int64)
    returns = np.empty(BLOCK_CANDLES, dtype=np.float64)
    start = 0
    while start < BLOCK_CANDLES:
        stop = min(BLOCK_CANDLES, start + bits.integer(*_SEGMENT_MINUTES))
        regime = _next_regime(bits, state.level)
        segment = _segment_returns(regime, noise[start:stop])
        regimes[start:stop], returns[start:stop] = regime, segment
        state.level *= float(np.cumprod(1.0 + segment)[-1])
        start = stop
    return regimes, returns


def _next_regime(bits: _Bits, level: float) -> Regime:
    draw = bits.integer(0, 100)
    if draw >= 85:
        return Regime.VOLATILE
    if draw >= 50:
        return Regime.RANGE
    odds_up = min(0.9, max(0.1, 0.5 - _RESTORING * (level - 1.0)))
    return Regime.TREND_UP if bits.integer(0, 1000) < 1000 * odds_up else Regime.TREND_DOWN


def _segment_returns(regime: Regime, noise: Floats) -> Floats:
    if regime is Regime.TREND_UP:
        return noise + _TREND_DRIFT
    if regime is Regime.TREND_DOWN:
        return noise - _TREND_DRIFT
    if regime is Regime.VOLATILE:
        return noise * _TURBULENCE
    # A range is an AR(1) process around its start, x[t] = m x[t-1] + noise[t], written with sums.
    decay = np.cumprod(np.full(len(noise), _RANGE_MEMORY))
    distance = decay * np.cumsum(1.5 * noise / decay)
    steps: Floats = np.diff(distance, prepend=0.0)
    return steps


def _symbol_block(
    bits: _Bits, rules: SymbolRules, state: _State, regimes: Column, common: Floats, first: int
) -> CandleTable:
    character = _character(rules.symbol)
    scale = Scale(decimals_of(rules.tick_size), decimals_of(rules.step_size), _QUOTE_DECIMALS)
    turbulence: Floats = np.where(regimes == Regime.VOLATILE, _TURBULENCE, 1.0)
    returns = character.beta * common + character.noise * turbulence * bits.normal() + _jumps(bits)
    before = state.prices[rules.symbol]
    path = np.multiply(before, np.cumprod(1.0 + returns), dtype=np.float64)
    state.prices[rules.symbol] = float(path[-1])
    unit = float(10**scale.price)
    close = np.maximum(1, np.rint(path * unit)).astype(np.int64)
    open_ = np.concatenate(([max(1, round(before * unit))], close[:-1])).astype(np.int64)
    wick = (character.beta * _SIGMA) * turbulence * path * unit
    low = np.minimum(open_, close) - (wick * bits.uniform()).astype(np.int64)
    high = np.maximum(open_, close) + (wick * bits.uniform()).astype(np.int64)
    volume = _volume(bits, character, turbulence, returns, path, scale)
    low = np.maximum(1, low)
    quote = _quote_volume(volume, (open_ + high + low + close) // 4, scale)
    taker = (volume * (0.35 + 0.3 * bits.uniform())).astype(np.int64)
    return CandleTable(
        INTERVAL_MS,
        scale,
        np.arange(first, first + BLOCK_CANDLES, dtype=np.int64),
        open_,
        high,
        low,
        close,
        volume,
        quote,
        1 + (quote * (2.0e-3 / 10**_QUOTE_DECIMALS)).astype(np.int64),
        taker,
        _quote_volume(taker, (open_ + high + low + close) // 4, scale),
    )


def _jumps(bits: _Bits) -> Floats:
    """Now and then 0.3 to 1.2 percent at once, either way."""
    hit = bits.uniform() < 1.0 / _JUMP_ODDS
    size = 0.003 + 0.009 * bits.uniform()
    return np.where(hit, np.where(bits.uniform() < 0.5, -size, size), 0.0)


def _volume(
    bits: _Bits, character: _Character, turbulence: Floats, returns: Floats, path: Floats, scale: Scale
) -> Column:
    """Volume grows with turbulence and with the size of the minute's move."""
    activity = (0.4 + 0.8 * bits.uniform()) * (0.5 + 0.5 * turbulence) + np.abs(returns) / _SIGMA * 0.3
    quantity = character.quote_volume * activity / path
    return np.maximum(1, np.rint(quantity * float(10**scale.volume))).astype(np.int64)


def _quote_volume(volume: Column, price: Column, scale: Scale) -> Column:
    shift = scale.quote - scale.price - scale.volume
    exact: Column = volume * price * 10 ** max(0, shift) // 10 ** max(0, -shift)
    return exact
