"""A trading desk over fakes, with a market that is fresh, sane and priced until a test changes that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from trading_platform.domain.candle import Candle
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order, OrderStatus
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import Decision
from trading_platform.services.trade import TradeReport, trade
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.settings import Settings
from trading_platform_tests.fakes import (
    FakeBroker,
    FakeClock,
    FakeHealthJournal,
    FakeLedger,
    FakeMarketFeed,
    FakeSeriesStore,
)
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, START, SYMBOL, instrument, minutes, signal
from trading_platform_tests.support.plain_settings import plain_settings

CLOSE = 60
"""Minute at which the newest candle closed."""

PRICES = {SYMBOL: Decimal(50000), "ETH/USDT": Decimal(2000), "SOL/USDT": Decimal(100)}
QUICK = {
    "market": {"window_candles": 50},
    "execution": {"follow_seconds": 0.03, "poll_seconds": 0.01},
    "protection": {"enabled": False},
}
"""Settings that a test needn't wait for; positions have no stops, which have tests of their own."""


def priced_candle(minute: int, price: Decimal) -> Candle:
    """A sane candle that opened so many minutes after the start."""
    return Candle(minutes(minute), price, price, price, price, Decimal(1))


@dataclass
class Workplace:
    """One account with 84.54 USDT; the clock shows ten seconds after a candle's close.

    Parameters
    ----------
    start_with
        Balances at the venue.
    lot_step
        Lot grid and smallest quantity of every symbol.
    """

    settings: Settings = field(default_factory=lambda: plain_settings(**QUICK))
    start_with: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal("84.54")})
    ledger: FakeLedger = field(default_factory=FakeLedger)
    clock: FakeClock = field(default_factory=lambda: FakeClock(minutes(CLOSE) + timedelta(seconds=10)))
    store: FakeSeriesStore = field(default_factory=FakeSeriesStore)
    lot_step: Decimal = Decimal("0.00001")
    broker_type: type[FakeBroker] = FakeBroker

    def __post_init__(self) -> None:
        instruments = [instrument(symbol, lot_step=self.lot_step, min_quantity=self.lot_step) for symbol in PRICES]
        self.feed, self.journal = FakeMarketFeed(self.clock), FakeHealthJournal()
        self.broker = self.broker_type(self.clock, instruments, self.start_with, PRICES)
        self.ledger.open_account(ACCOUNT, "USDT", "paper", START)
        self.refresh()

    def refresh(self, symbols: Mapping[str, Decimal] = PRICES) -> None:
        """Write the candles that have closed by now, and a price of now."""
        now = self.clock.read()
        newest = int((MINUTE.floor(now.now) - START) / MINUTE.length)
        for symbol, price in symbols.items():
            candles = [priced_candle(minute, price) for minute in range(newest - 50, newest)]
            self.store.write_candles(symbol, MINUTE, candles, source="rest", received_at=now.wall)
            ticker = Ticker(symbol, price - 1, price, price, now.now, now.wall)
            self.store.write_tickers([ticker])
            self.feed.set_ticker(ticker)

    def later(self, seconds: float) -> None:
        """Let time pass, with the market data kept up to date."""
        self.clock.advance(seconds)
        self.refresh()

    def says(
        self, minute: int = CLOSE, direction: Direction = Direction.LONG, symbol: str = SYMBOL, **more: Any
    ) -> Signal:
        """A strategy's signal, recorded."""
        said = signal(minute, direction, symbol, **more)
        self.ledger.record_signals([said], self.clock.wall())
        return said

    def desk(self) -> TradingDesk:
        """The desk of one run."""
        return TradingDesk(
            self.ledger, self.broker, self.store, self.feed, self.journal, self.clock, self.settings, "run-1"
        )

    def trade(self) -> TradeReport:
        """One trading cycle of a new run."""
        return trade(self.desk())

    def buys(self, symbol: str = SYMBOL, **more: Any) -> Order:
        """Have a strategy's entry filled and return the order."""
        self.says(symbol=symbol, **more)
        [order_id] = self.trade().entries
        bought = self.ledger.order(order_id)
        assert bought is not None
        assert bought.status is OrderStatus.FILLED
        return bought

    def decisions(self, about: Signal) -> list[Decision]:
        """What was decided about a signal, in the order of the first time."""
        return [d for d in reversed(self.ledger.recent_decisions(ACCOUNT, 1000)) if d.signal_id == about.signal_id]

    def reasons(self, about: Signal) -> list[ReasonCode]:
        """The reasons of those decisions."""
        return [decision.reason for decision in self.decisions(about)]

    def is_open(self, about: Signal) -> bool:
        """Whether the signal still waits for a decision."""
        return about in self.ledger.open_signals(ACCOUNT)

    def reserved(self) -> Decimal:
        """All that is reserved."""
        return sum((b.reserved for b in self.ledger.account(ACCOUNT).balances.values()), Decimal(0))

    def agrees_with_venue(self) -> bool:
        """Whether ledger and venue have the same totals."""
        held = {asset: b.total for asset, b in self.ledger.account(ACCOUNT).balances.items() if b.total}
        return held == {asset: balance.total for asset, balance in self.broker.balances().items()}
