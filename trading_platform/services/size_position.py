"""How much a signal buys: the account, the market as the signal saw it, the strategy's record (I10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from trading_platform.domain.candle import Interval
from trading_platform.domain.indicators import IndicatorSpec, compute_indicators
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.protection import first_levels, stop_limit
from trading_platform.domain.signal import Signal
from trading_platform.domain.sizing import EntryLimits, SizedOrder, SizingBasis, SizingMethod, size_entry
from trading_platform.domain.sizing.volatility_target import realised_volatility
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.settings import Settings

ATR = IndicatorSpec.parse("atr(14)")


@dataclass(frozen=True)
class SeenMarket:
    """The window of candles that the signal was judged on, as far as it says something about the size.

    Parameters
    ----------
    candle_open
        Of the newest candle, the judged one.
    atr
        Average true range in quote; None where the window is too short for it, or nothing moved.
    volatility
        Standard deviation of the log return per year.
    """

    candle_open: datetime | None
    atr: Decimal | None
    volatility: float | None

    def as_detail(self) -> dict[str, Any]:
        """For the decision."""
        return {
            "candle_open": self.candle_open.isoformat() if self.candle_open else None,
            "atr": None if self.atr is None else str(self.atr),
            "volatility_per_year": self.volatility,
        }


def seen_market(store: SeriesStore, signal: Signal, window_candles: int) -> SeenMarket:
    """Read the signal's own window again: the candles up to the one it judges, none later."""
    return market_up_to(store, signal.symbol, Interval.parse(signal.interval), signal.candle_close, window_candles)


def market_up_to(
    store: SeriesStore, symbol: str, interval: Interval, end: datetime | None, window_candles: int
) -> SeenMarket:
    """The window of the newest candle that closed by `end`; without an end, of the newest one."""
    window = store.candle_frame(symbol, interval, end=end, newest=window_candles)
    if window.empty:
        return SeenMarket(None, None, None)
    atr = float(compute_indicators(window, [ATR])[ATR.columns[0]].iloc[-1])
    return SeenMarket(
        candle_open=window.index[-1].to_pydatetime(),
        atr=Decimal(repr(atr)) if np.isfinite(atr) and atr > 0 else None,
        volatility=realised_volatility(window["close"].to_numpy(), interval.length.total_seconds()),
    )


def size_position(
    desk: TradingDesk,
    signal: Signal,
    market: SeenMarket,
    *,
    equity_quote: Decimal,
    free_quote: Decimal,
    price: Decimal,
    slippage_bps: Decimal,
    room_quote: Decimal | None = None,
) -> SizedOrder:
    """Size the entry.

    Parameters
    ----------
    price
        What the entry pays: the ask, or its limit.
    slippage_bps
        By how much it may pay more.
    room_quote
        What the protections of the account leave; None: they bound nothing.

    Raises
    ------
    RefuseTrade
        If no acceptable quantity exists, with the reason and the steps.
    """
    instrument, settings = desk.instrument(signal.symbol), desk.settings
    exit_ = planned_exit(price, market.atr, settings, instrument)
    basis = SizingBasis(
        equity_quote=equity_quote,
        free_quote=free_quote,
        ask=price,
        stop_price=exit_.stop_price,
        stop_limit=exit_.stop_limit,
        volatility=market.volatility,
        trade_returns=_record(desk.ledger, signal, settings),
    )
    resting = [o for o in desk.ledger.unsettled_orders(desk.account) if o.symbol == signal.symbol]
    return size_entry(
        basis, instrument, settings.sizing, entry_limits(settings, slippage_bps, room_quote), open_orders=len(resting)
    )


@dataclass(frozen=True)
class PlannedExit:
    """Where a position that isn't there yet would be given up."""

    stop_price: Decimal
    stop_limit: Decimal | None


def planned_exit(price: Decimal, atr: Decimal | None, settings: Settings, instrument: Instrument) -> PlannedExit:
    """The stop that the protection of positions would place over what is bought at `price`."""
    rules = settings.protection.rules
    stop = first_levels(price, atr, rules, instrument).stop
    return PlannedExit(stop, stop_limit(stop, rules, instrument))


def entry_limits(settings: Settings, slippage_bps: Decimal, room_quote: Decimal | None = None) -> EntryLimits:
    """What the settings allow for one position."""
    risk = settings.risk
    return EntryLimits(
        fraction_of_equity=risk.fraction_of_equity,
        tiers=risk.position_share_tiers,
        notional_floor_quote=risk.notional_floor_quote,
        slippage_bps=slippage_bps,
        room_quote=room_quote,
    )


def _record(ledger: Ledger, signal: Signal, settings: Settings) -> Sequence[Decimal]:
    """Profit per cost of the strategy's own closed trades, newest first; read only where it counts."""
    if SizingMethod.KELLY not in settings.sizing.methods:
        return ()
    closed = ledger.closed_trades(signal.account, settings.sizing.kelly_trades, strategy=signal.strategy)
    return [trade.return_on_cost for trade in closed if trade.return_on_cost is not None]
