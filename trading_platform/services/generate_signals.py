"""Judge closed candles by the strategies and record the signals (I3, I10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from trading_platform.domain.candle import Interval
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Strategy
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger, StrategySeries
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.candle_windows import WindowMemory, indicator_windows


@dataclass(frozen=True)
class PlacedStrategy:
    """A strategy on one interval."""

    strategy: Strategy
    interval: Interval


@dataclass(frozen=True)
class Judgement:
    """One candle judged by one strategy."""

    series: StrategySeries
    open_time: datetime
    signal: Signal | None


def generate_signals(
    store: SeriesStore,
    ledger: Ledger,
    clock: Clock,
    account: str,
    symbols: Sequence[str],
    strategies: Sequence[PlacedStrategy],
    window_candles: int,
    *,
    memory: WindowMemory | None = None,
) -> list[Judgement]:
    """Judge every closed candle once per strategy and record the signals, then remember how far it went.

    A crash in between judges the candle again, which gives the same signal with the same identity. At the first start
    only the newest candle is judged.
    """
    through = ledger.evaluated_through(account)
    by_interval: dict[Interval, list[Strategy]] = {}
    for placed in strategies:
        by_interval.setdefault(placed.interval, []).append(placed.strategy)
    judgements = [
        judgement
        for symbol in symbols
        for interval, together in by_interval.items()
        for judgement in _judge_series(store, account, symbol, interval, together, through, window_candles, memory)
    ]
    signals = [judgement.signal for judgement in judgements if judgement.signal]
    if signals:
        ledger.record_signals(signals, clock.wall())
    if judgements:
        ledger.mark_evaluated(account, {j.series: j.open_time for j in judgements})  # ascending: the newest stays
    return judgements


def _judge_series(
    store: SeriesStore,
    account: str,
    symbol: str,
    interval: Interval,
    strategies: Sequence[Strategy],
    through: Mapping[StrategySeries, datetime],
    window_candles: int,
    memory: WindowMemory | None,
) -> list[Judgement]:
    """Judge one series by several strategies, over windows that are read and computed once."""
    placed = {StrategySeries(s.name, s.version, symbol, interval.name): s for s in strategies}
    since = min((through[series] for series in placed if series in through), default=None)
    specs = list(dict.fromkeys(spec for strategy in strategies for spec in strategy.indicators))
    return [
        Judgement(series, open_time, _signal(account, series, strategy, interval.close_of(open_time), frame))
        for open_time, frame in indicator_windows(store, symbol, interval, since, specs, window_candles, memory)
        for series, strategy in placed.items()
        if series not in through or open_time > through[series]
    ]


def _signal(
    account: str, series: StrategySeries, strategy: Strategy, candle_close: datetime, frame: pd.DataFrame
) -> Signal | None:
    verdict = strategy.evaluate(frame)
    if verdict.direction is None:
        return None
    return Signal(
        account=account,
        strategy=series.strategy,
        strategy_version=series.strategy_version,
        symbol=series.symbol,
        interval=series.interval,
        candle_close=candle_close,
        direction=verdict.direction,
        reason=verdict.reason,
        evidence=verdict.evidence,
    )
