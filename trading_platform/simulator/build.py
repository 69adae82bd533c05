"""Puts an exchange together from its configuration."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from trading_platform.simulator.archive_market import ArchiveCandles
from trading_platform.simulator.candle_market import CandleMarket
from trading_platform.simulator.candles import CandleSource
from trading_platform.simulator.clock import LiveClock, MarketClock, ReplayClock, StepClock
from trading_platform.simulator.config import (
    ArchiveMarketConfig,
    LiveMarketConfig,
    SimulatorConfig,
    SyntheticMarketConfig,
)
from trading_platform.simulator.errors import SimulatorSetupError
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.live_market import LiveMarket
from trading_platform.simulator.store import GENESIS, POSITION, Store
from trading_platform.simulator.synthetic_market import INTERVAL_MS, SyntheticCandles


def build_exchange(config: SimulatorConfig, wall_ms: Callable[[], int] | None = None) -> Exchange:
    """Wire an exchange from its configuration.

    Parameters
    ----------
    wall_ms
        The wall clock in epoch ms; tests pass their own.

    Raises
    ------
    SimulatorSetupError
        If the market can't be read, or the database belongs to another market.
    """
    wall_ms = wall_ms or _system_wall_ms
    _check(config)
    store = Store(config.database_path)
    try:
        store.bind_to_market(config.market_id())
        config = _serving_what_was_ordered(config, store)
        if isinstance(config.market, LiveMarketConfig):
            market = LiveMarket(config.market, wall_ms)
            market.start()
            exchange = Exchange(config, market, LiveClock(wall_ms, wall_ms()), store, wall_ms)
        else:
            source = _candle_source(config.market, store, wall_ms)
            clock = _clock(config, source, store, wall_ms)
            exchange = Exchange(config, CandleMarket(source, config), clock, store, wall_ms)
        store.commit()
    except BaseException:
        store.close()
        raise
    return exchange


def _serving_what_was_ordered(config: SimulatorConfig, store: Store) -> SimulatorConfig:
    """With the symbols that are no longer asked for and have been traded: what is held of them may be sold."""
    if not config.market.symbols:  # all that the folder holds
        return config
    symbols = tuple(dict.fromkeys([*config.market.symbols, *store.ordered_symbols()]))
    return replace(config, market=replace(config.market, symbols=symbols))


def _system_wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _check(config: SimulatorConfig) -> None:
    if config.step and config.speed is not None:
        raise SimulatorSetupError("a market either steps or runs at a speed: give step or speed, not both")
    if config.speed is not None and config.speed <= 0:
        raise SimulatorSetupError(f"the speed must be above 0, not {config.speed}")
    if isinstance(config.market, LiveMarketConfig) and (config.step or config.speed is not None):
        raise SimulatorSetupError("a real venue's market can't be sped up or stepped; leave step and speed out")
    if any(account.name.startswith("@") for account in config.accounts):
        raise SimulatorSetupError("an account's name can't start with @; choose another one")
    for account in config.accounts:
        if any(amount < 0 for amount in account.balances.values()):
            raise SimulatorSetupError(f"the account {account.name} can't start with a negative balance")


def _candle_source(
    market: SyntheticMarketConfig | ArchiveMarketConfig, store: Store, wall_ms: Callable[[], int]
) -> CandleSource:
    if isinstance(market, ArchiveMarketConfig):
        return ArchiveCandles(market)
    genesis = store.meta_int(GENESIS)
    if genesis is None:
        genesis = (wall_ms() // INTERVAL_MS - market.history_candles) * INTERVAL_MS
        store.set_meta(GENESIS, genesis)
    return SyntheticCandles(market, genesis)


def _clock(config: SimulatorConfig, source: CandleSource, store: Store, wall_ms: Callable[[], int]) -> MarketClock:
    replayed = isinstance(config.market, ArchiveMarketConfig) or config.speed is not None
    if not replayed and not config.step:
        return LiveClock(wall_ms, source.starts_at_ms)
    starts_at_ms = _start(config, source)
    position = store.meta_int(POSITION)
    if config.step:
        return StepClock(starts_at_ms, source.ends_at_ms, _on_grid(position, source))

    def save_position(position_ms: int) -> None:
        store.set_meta(POSITION, position_ms)
        store.commit()

    speed = 1.0 if config.speed is None else config.speed
    return ReplayClock(wall_ms, speed, starts_at_ms, source.ends_at_ms, position, save_position)


def _start(config: SimulatorConfig, source: CandleSource) -> int:
    """Where a replay begins: with the warm-up, or a generated market's whole history, behind it."""
    market = config.market
    if isinstance(market, SyntheticMarketConfig):
        return source.starts_at_ms + market.history_candles * source.interval_ms
    return max(_after_warm_up(config, source, rules.symbol) for rules in source.symbols)


def _after_warm_up(config: SimulatorConfig, source: CandleSource, symbol: str) -> int:
    """Open of the first candle that has a whole warm-up of candles, gaps not counted, before it."""
    table = source.table(symbol, source.starts_at_ms)
    row = table.row_at_or_after(source.starts_at_ms // source.interval_ms) + config.warmup_candles
    if row >= len(table):
        raise SimulatorSetupError(
            f"the archive of {symbol} is too short for {config.warmup_candles} candles of warm-up; "
            "use a longer one or a shorter warm-up"
        )
    return int(table.number[row]) * source.interval_ms


def _on_grid(position_ms: int | None, source: CandleSource) -> int | None:
    """A step market stands between candles, also after it ran at a speed before."""
    if position_ms is None:
        return None
    return -(-position_ms // source.interval_ms) * source.interval_ms
