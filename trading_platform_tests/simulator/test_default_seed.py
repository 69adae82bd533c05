"""A first start on the defaults shows its first signals within minutes, and none of them is forced."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from trading_platform.domain.indicators import compute_indicators
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.strategies.registry import build_strategy
from trading_platform.settings import Settings
from trading_platform.simulator.candles import CandleTable
from trading_platform.simulator.config import SyntheticMarketConfig
from trading_platform.simulator.synthetic_market import INTERVAL_MS, SyntheticCandles

DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}
WIRE_SYMBOLS = tuple(symbol.replace("/", "") for symbol in DEFAULTS["market"].symbols)
WINDOW_CANDLES = DEFAULTS["market"].window_candles


def market_of(seed: int, start: datetime) -> tuple[SyntheticCandles, int]:
    """The market as it is after its first start, and the number of the candle in progress then."""
    config = SyntheticMarketConfig(seed, WIRE_SYMBOLS)
    first_open = int(start.timestamp() * 1000) // INTERVAL_MS
    return SyntheticCandles(config, (first_open - config.history_candles) * INTERVAL_MS), first_open


def window_ending_at(table: CandleTable, number: int) -> pd.DataFrame:
    """The closed candles that strategies see once candle `number` has closed."""
    end = table.row_at_or_before(number) + 1
    rows = table.rows(end - WINDOW_CANDLES, end)
    prices = {name: getattr(rows, name) / 10**rows.scale.price for name in ("open", "high", "low", "close")}
    times = pd.to_datetime(rows.number * INTERVAL_MS, unit="ms", utc=True)
    return pd.DataFrame({**prices, "volume": rows.volume / 10**rows.scale.volume}, index=times)


def signals_at_close(market: SyntheticCandles, number: int) -> set[tuple[str, str, Direction]]:
    """Symbol, strategy and direction of every signal of the default strategies on one candle."""
    strategies = [build_strategy(chosen.name, chosen.params) for chosen in DEFAULTS["strategies"]]
    found = set()
    for symbol in WIRE_SYMBOLS:
        window = window_ending_at(market.table(symbol, number * INTERVAL_MS), number)
        for strategy in strategies:
            verdict = strategy.evaluate(compute_indicators(window, strategy.indicators))
            if verdict.direction is not None:
                found.add((symbol, strategy.name, verdict.direction))
    return found


@pytest.mark.parametrize("start", [datetime(2025, 3, 1, 12, 0, 59, tzinfo=UTC), datetime(2031, 7, 4, tzinfo=UTC)])
def test_the_first_three_closes_after_the_first_start_each_give_a_long_signal(start: datetime) -> None:
    market, first_open = market_of(DEFAULTS["simulator"].seed, start)
    longs = [
        {symbol for symbol, _, direction in signals_at_close(market, first_open + minute) if direction == "long"}
        for minute in range(3)
    ]
    assert all(longs)
    assert len(set.union(*longs)) == 3  # one symbol each, so that no open position stands in the way


def test_the_first_positions_are_closed_by_signals_too() -> None:
    market, first_open = market_of(DEFAULTS["simulator"].seed, datetime(2025, 3, 1, tzinfo=UTC))
    opened: set[tuple[str, str]] = set()
    closed: set[tuple[str, str]] = set()
    for minute in range(10):
        for symbol, strategy, direction in sorted(signals_at_close(market, first_open + minute)):
            if direction is Direction.LONG:
                opened.add((symbol, strategy))
            elif (symbol, strategy) in opened:
                closed.add((symbol, strategy))
    assert len(closed) >= 3
