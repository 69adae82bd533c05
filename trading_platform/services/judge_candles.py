"""Turn closed candles into indicator values and signals: the one path of live, replay and backfill (I10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from trading_platform.domain.candle import Interval
from trading_platform.domain.indicators import PRICE_COLUMNS, IndicatorSpec, compute_indicators
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Strategy
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.series_store import SeriesStore

MAX_CANDLES_PER_CALL = 2000


@dataclass(frozen=True)
class PlacedStrategy:
    """A strategy on one interval."""

    strategy: Strategy
    interval: Interval


@dataclass(frozen=True)
class JudgedSeries:
    """What came out of one series: how many new candles, the newest values, the new signals."""

    symbol: str
    interval: str
    candles: int
    newest_open_time: datetime | None
    newest_values: Mapping[str, float]
    signals: tuple[Signal, ...] = ()


def store_indicators(
    store: SeriesStore,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    specs: Sequence[IndicatorSpec],
    window_candles: int,
) -> list[JudgedSeries]:
    """Compute and keep the indicator values of every candle that has none yet.

    A first call keeps those of the newest candle only: older ones can be computed from the candles at any time.
    """
    judged = []
    for symbol in symbols:
        for interval in intervals:
            known = store.indicators(symbol, interval, newest=1)
            through = next(iter(known), None)
            rows = {
                open_time: _finite_indicators(frame)
                for open_time, frame in _windows(store, symbol, interval, through, specs, window_candles)
            }
            if rows:
                store.write_indicators(symbol, interval, rows)
            newest = max(rows, default=through)
            values = rows[newest] if rows and newest else known.get(newest, {}) if newest else {}
            judged.append(JudgedSeries(symbol, interval.name, len(rows), newest, values))
    return judged


def generate_signals(
    store: SeriesStore,
    ledger: Ledger,
    clock: Clock,
    account: str,
    symbols: Sequence[str],
    strategies: Sequence[PlacedStrategy],
    window_candles: int,
) -> list[JudgedSeries]:
    """Judge every closed candle once per strategy and record the signals, then remember how far it went.

    A crash in between judges the candle again, which gives the same signal with the same identity. At the first start
    only the newest candle is judged.
    """
    return [
        _judge(store, ledger, clock, account, symbol, placed, window_candles)
        for symbol in symbols
        for placed in strategies
    ]


def _judge(
    store: SeriesStore,
    ledger: Ledger,
    clock: Clock,
    account: str,
    symbol: str,
    placed: PlacedStrategy,
    window_candles: int,
) -> JudgedSeries:
    strategy, interval = placed.strategy, placed.interval
    through = ledger.evaluated_through(account, strategy.name, strategy.version, symbol, interval.name)
    signals, newest, candles = [], through, 0
    evidence: Mapping[str, float] = {}
    for open_time, frame in _windows(store, symbol, interval, through, strategy.indicators, window_candles):
        candles, newest = candles + 1, open_time
        verdict = strategy.evaluate(frame)
        evidence = verdict.evidence
        if verdict.direction is not None:
            signals.append(
                Signal(
                    account,
                    strategy.name,
                    strategy.version,
                    symbol,
                    interval.name,
                    interval.close_of(open_time),
                    verdict.direction,
                    verdict.reason,
                    verdict.evidence,
                )
            )
    if signals:
        ledger.record_signals(signals, clock.wall())
    if candles and newest is not None:
        ledger.mark_evaluated(account, strategy.name, strategy.version, symbol, interval.name, newest)
    return JudgedSeries(symbol, interval.name, candles, newest, evidence, tuple(signals))


def _windows(
    store: SeriesStore,
    symbol: str,
    interval: Interval,
    through: datetime | None,
    specs: Sequence[IndicatorSpec],
    window_candles: int,
) -> Iterator[tuple[datetime, pd.DataFrame]]:
    """For each candle after `through`: its open time and the indicator frame of the window that ends with it.

    Every window holds exactly `window_candles` candles, so that its values don't depend on when they are computed; a
    candle with fewer before it has no window.
    """
    newest = store.newest_open_time(symbol, interval)
    if newest is None or (through is not None and newest <= through):
        return
    new = 1 if through is None else min((newest - through) // interval.length, MAX_CANDLES_PER_CALL)
    candles = store.candle_frame(symbol, interval, newest=window_candles + new - 1)
    for end in range(window_candles, len(candles) + 1):
        open_time = candles.index[end - 1].to_pydatetime()
        if through is None or open_time > through:
            yield open_time, compute_indicators(candles.iloc[end - window_candles : end], specs)


def _finite_indicators(frame: pd.DataFrame) -> dict[str, float]:
    newest = frame.iloc[-1].drop(list(PRICE_COLUMNS)).dropna()
    return {str(name): float(value) for name, value in newest.items()}
