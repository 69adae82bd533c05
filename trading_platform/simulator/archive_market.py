"""Candles recorded by an exchange, read from a folder of archives.

The layout is the public kline archive's (see ``kline_archive``). Values are kept digit for digit and
gaps stay gaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from trading_platform.domain.errors import FixSettings
from trading_platform.kline_archive import ArchiveName, ArchiveReader, epoch_ms
from trading_platform.simulator.aggregation import INTERVALS_MS
from trading_platform.simulator.candles import CandleTable, Column, Scale, decimals_of
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform.simulator.errors import SimulatorSetupError
from trading_platform.simulator.model import SymbolRules
from trading_platform.simulator.path import PRINTS
from trading_platform.simulator.symbol_rules import rules_for

_MAX_QUOTE_DECIMALS = 8


class ArchiveCandles:
    """A `CandleSource` over a folder, read whole at the start.

    Raises
    ------
    SimulatorSetupError
        If the folder holds no archive, a symbol is missing, or a file can't be read.
    """

    def __init__(self, config: ArchiveMarketConfig) -> None:
        interval, files = _choose(config)
        self._interval_ms = INTERVALS_MS[interval]
        self._tables: dict[str, CandleTable] = {}
        rules = []
        for symbol, paths in files.items():
            rows = [row for path in paths for row in _read_rows(path)]
            table, symbol_rules = _table(symbol, rows, self._interval_ms, paths[0])
            self._tables[symbol] = table
            rules.append(symbol_rules)
        self._symbols = tuple(rules)

    @property
    def symbols(self) -> tuple[SymbolRules, ...]:
        return self._symbols

    @property
    def interval_ms(self) -> int:
        return self._interval_ms

    @property
    def starts_at_ms(self) -> int:
        return max(int(t.number[0]) for t in self._tables.values()) * self._interval_ms

    @property
    def ends_at_ms(self) -> int:
        return (min(int(t.number[-1]) for t in self._tables.values()) + 1) * self._interval_ms

    def table(self, symbol: str, until_ms: int) -> CandleTable:  # noqa: ARG002
        return self._tables[symbol]


def _choose(config: ArchiveMarketConfig) -> tuple[str, dict[str, list[Path]]]:
    """The finest interval that all symbols share, and each symbol's files of it."""
    found: dict[str, dict[str, list[Path]]] = {}
    for path in config.files():
        name = ArchiveName.of(path)
        if name and name.interval in INTERVALS_MS:
            intervals = found.setdefault(name.symbol, {})
            intervals.setdefault(name.interval, []).append(path)
    wanted = config.symbols or tuple(sorted(found))
    missing = [symbol for symbol in wanted if symbol not in found]
    if missing or not wanted:
        raise SimulatorSetupError(
            f"no candles of {', '.join(missing) or 'any symbol'} in {config.folder}: "
            "put SYMBOL-INTERVAL.csv.gz files there (e.g. BTCUSDT-1m.csv.gz)"
        )
    shared = set.intersection(*(set(found[symbol]) for symbol in wanted))
    if not shared:
        raise SimulatorSetupError(
            f"the archives in {config.folder} share no interval: each of {', '.join(wanted)} "
            "needs a file of the same interval"
        )
    finest = min(shared, key=INTERVALS_MS.__getitem__)
    return finest, {symbol: found[symbol][finest] for symbol in wanted}


def _read_rows(path: Path) -> list[list[str]]:
    try:
        with ArchiveReader(path) as archive:
            return list(archive.rows())
    except FixSettings as error:
        raise SimulatorSetupError(str(error)) from error


def _table(symbol: str, rows: Iterable[list[str]], interval_ms: int, path: Path) -> tuple[CandleTable, SymbolRules]:
    data = sorted((row for row in rows if row[0].isdigit()), key=lambda row: int(row[0]))
    if not data:
        raise SimulatorSetupError(f"the candle archive {path} has no rows")
    columns = [[row[i] if i < len(row) else "" for row in data] for i in range(11)]
    prices = [value for column in columns[1:5] for value in column]
    try:
        volume_decimals = _decimals(columns[5])
        rules = rules_for(symbol, _decimals(prices), volume_decimals)
        scale = Scale(decimals_of(rules.tick_size), volume_decimals, _quote_decimals(columns, rules))
        table = _scaled(columns, scale, interval_ms)
    except ValueError as error:
        raise SimulatorSetupError(f"the candle archive {path} has a row that's no candle: {error}") from error
    _check(table, path)
    return table, rules


def _scaled(columns: list[list[str]], scale: Scale, interval_ms: int) -> CandleTable:
    open_ms = np.array([epoch_ms(value) for value in columns[0]], dtype=np.int64)
    if (open_ms % interval_ms).any():
        raise ValueError("an open time is off the interval's grid")
    open_, high, low, close = (_integers(columns[i], scale.price) for i in range(1, 5))
    volume = _integers(columns[5], scale.volume)
    mean_price = (open_ + high + low + close) // 4
    traded = _product(volume, mean_price, scale.price + scale.volume - scale.quote)
    quote = _integers(columns[7], scale.quote, traded)
    return CandleTable(
        interval_ms,
        scale,
        open_ms // interval_ms,
        open_,
        high,
        low,
        close,
        volume,
        quote,
        _integers(columns[8], 0, np.where(volume > 0, PRINTS, 0).astype(np.int64)),
        _integers(columns[9], scale.volume, volume // 2),
        _integers(columns[10], scale.quote, quote // 2),
    )


def _decimals(values: Iterable[str]) -> int:
    return max(len(value.partition(".")[2].rstrip("0")) for value in values)


def _quote_decimals(columns: list[list[str]], rules: SymbolRules) -> int:
    recorded = _decimals(columns[7] + columns[10])
    if "" not in columns[7]:
        return recorded
    return max(recorded, min(_MAX_QUOTE_DECIMALS, decimals_of(rules.tick_size) + _decimals(columns[5])))


def _integers(values: list[str], decimals: int, where_empty: Column | None = None) -> Column:
    """Values times ``10**decimals``; an empty one takes its place from ``where_empty``."""
    if where_empty is None:
        return np.array([_integer(value, decimals) for value in values], dtype=np.int64)
    return np.array(
        [
            _integer(value, decimals) if value else default
            for value, default in zip(values, where_empty.tolist(), strict=True)
        ],
        dtype=np.int64,
    )


def _integer(value: str, decimals: int) -> int:
    whole, _, fraction = value.partition(".")
    return int(whole + fraction[:decimals].ljust(decimals, "0"))


def _product(volume: Column, price: Column, shift: int) -> Column:
    """Volume times price without its last ``shift`` decimals; int64 couldn't hold the whole product."""
    exact = [v * p // 10**shift for v, p in zip(volume.tolist(), price.tolist(), strict=True)]
    return np.array(exact, dtype=np.int64)


def _check(table: CandleTable, path: Path) -> None:
    if (np.diff(table.number) <= 0).any():
        raise SimulatorSetupError(f"the candle archive {path} has a candle twice; remove one of them")
    body_low, body_high = np.minimum(table.open, table.close), np.maximum(table.open, table.close)
    if (table.low > body_low).any() or (table.high < body_high).any() or (table.low <= 0).any():
        raise SimulatorSetupError(
            f"the candle archive {path} has a candle whose low or high doesn't enclose it; mend or remove it"
        )
