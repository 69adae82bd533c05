"""The platform's real adapters over PostgreSQL and a simulated exchange that stands still, without Dagster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import psycopg2

from trading_platform.bootstrap import Platform
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.order import OrderStatus
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.services.refresh_market import refresh_candles, refresh_tickers
from trading_platform.services.trade import trade, work_waiting
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.settings import Settings
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL, signal
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.venue_history import every_order

QUIET_CYCLES = 40
_AGELESS = 1e9
_PAUSE_SECONDS = 61.0
"""Of wall time between two cycles: beyond recv_window, and beyond the longest wait before an exit is tried again."""

_PROMPT_CYCLES = 3


def floor_settings(
    database_url: str, venue: SimulatedExchange, protection: dict[str, Any] | None = None, **risk: Any
) -> Settings:
    """Settings of a floor: data and signals never age, so that only what a test does counts.

    Parameters
    ----------
    protection
        Without it positions have no stops.
    """
    return plain_settings(
        market={"window_candles": 50},
        freshness={
            "max_candle_lateness_seconds": _AGELESS,
            "max_price_age_seconds": _AGELESS,
            "max_trading_silence_seconds": 2 * _AGELESS,
        },
        risk={"signal_valid_for_seconds": _AGELESS, "cooldown_seconds": 0, **risk},
        account_rules={
            "max_drawdown": 1,
            "max_daily_loss": 1,
            "losses_to_pause": 100,
            "max_orders_per_minute": 1000,
            "max_correlation": 1,
            "max_ask_from_last_bps": 1000,  # a test shows another price, and the venue goes on at its own
            "max_balance_age_seconds": _AGELESS,
        },
        cadence={"reconcile_seconds": _AGELESS},
        protection=protection or {"enabled": False},
        execution={"follow_seconds": 0.5, "poll_seconds": 0.1},
        venue={"timeout_seconds": 2.0, "market_data_timeout_seconds": 2.0},
        servers={
            "database": database_url,
            "simulator": venue.base_url,
            "simulator_api_key": venue.api_key,
            "simulator_api_secret": venue.api_secret,
        },
    )


class ShiftedClock:
    """A clock whose wall time a test can put forward."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shift = timedelta(0)

    def forward(self, seconds: float) -> None:
        """Let wall seconds pass."""
        self._shift += timedelta(seconds=seconds)

    def wall(self) -> datetime:
        """Wall clock."""
        return self._clock.wall() + self._shift

    def read(self) -> VenueTime:
        """Both clocks."""
        return replace(self._clock.read(), wall=self.wall())


@dataclass
class TradingFloor:
    """One account's desk and its venue, with the market data of the present in the store."""

    settings: Settings
    venue: SimulatedExchange
    platform: Platform = field(init=False)

    def __post_init__(self) -> None:
        self.platform = Platform(self.settings)
        self.platform.open_account()
        market = self.settings.market
        feed, store = self.platform.feed, self.platform.store
        refresh_candles(feed, store, self.clock, market.symbols, [MINUTE], market.history_candles)
        refresh_tickers(feed, store, self.clock, market.symbols)

    @cached_property
    def clock(self) -> ShiftedClock:
        """The venue's clock, and the wall's as the test shifts it."""
        return ShiftedClock(self.platform.clock)

    @cached_property
    def now(self) -> datetime:
        """The venue's time; it stands still."""
        return self.clock.read().now

    def desk(self) -> TradingDesk:
        """The desk of one run."""
        platform = self.platform
        return TradingDesk(
            platform.ledger,
            platform.broker,
            platform.store,
            platform.feed,
            platform.journal,
            self.clock,
            self.settings,
        )

    def says(self, seconds: int, direction: Direction = Direction.LONG, symbol: str = SYMBOL, **more: Any) -> Signal:
        """A recorded signal of a candle that closed so many seconds after the present."""
        said = replace(signal(0, direction, symbol, **more), candle_close=self.now + timedelta(seconds=seconds))
        self.platform.ledger.record_signals([said], self.clock.wall())
        return said

    def trade_until_quiet(self) -> int:
        """Run cycles, as the sensor would, until no work is left; how many it took."""
        for cycle in range(QUIET_CYCLES):
            if work_waiting(self.platform.ledger, self.platform.store, self.clock, self.settings) is None:
                return cycle
            with suppress(RetryLater):  # the run fails, and its work is requested again
                trade(self.desk())
            self.clock.forward(_PAUSE_SECONDS)
            if cycle >= _PROMPT_CYCLES:
                time.sleep(0.1)  # what the venue counts in real time, such as a silence it asked for
        raise AssertionError(f"still work after {QUIET_CYCLES} cycles: {self.orders()}")

    def close_everything(self, seconds: int) -> None:
        """Have every strategy sell what it holds."""
        for position in self.platform.ledger.open_positions(ACCOUNT):
            self.says(seconds, Direction.SHORT, position.symbol, strategy=position.strategy)
        self.trade_until_quiet()
        assert self.platform.ledger.open_positions(ACCOUNT) == []

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger's database."""
        assert self.settings.servers.database is not None
        connection = psycopg2.connect(self.settings.servers.database.get_secret_value())
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def orders(self) -> list[tuple[Any, ...]]:
        """Client order id, leg, side, status and filled quantity, oldest first."""
        return self.query("SELECT client_order_id, leg, side, status, filled_quantity FROM orders ORDER BY created_at")

    def venue_orders(self) -> Sequence[Any]:
        """Every order that the venue has accepted."""
        names = [symbol.replace("/", "") for symbol in self.settings.market.symbols]
        return self.venue.on_server_thread(
            lambda exchange: [order for name in names for order in every_order(exchange, ACCOUNT, name)]
        )

    def venue_totals(self) -> dict[str, Decimal]:
        """What the venue holds for the account, by asset."""
        state = self.venue.on_server_thread(lambda exchange: exchange.account_state(ACCOUNT))
        totals = {balance.asset: balance.free + balance.locked for balance in state.balances}
        return {asset: total for asset, total in totals.items() if total}

    def assert_books_agree(self) -> None:
        """Nothing in flight, nothing sent twice, and ledger and venue equal to the last digit.

        Only stops and targets that guard a position may rest and have something reserved.
        """
        ledger = self.platform.ledger
        state = ledger.account(ACCOUNT)
        resting = ledger.unsettled_orders(ACCOUNT)
        assert all(order.is_on_guard for order in resting), resting
        assert {order.symbol for order in resting} <= {p.symbol for p in ledger.open_positions(ACCOUNT)}
        assert {o.client_order_id for o in self.venue_orders() if o.status.is_open} == {
            o.client_order_id for o in resting
        }
        guarded = sum((o.quantity for o in resting if o.stop_price is not None), Decimal(0))
        assert self.query("SELECT sum(reserved) FROM balances") == [(guarded,)]
        active = self.query("SELECT count(*) FROM reservations WHERE remaining <> 0 OR state = 'active'")
        assert active == [(len(resting),)]
        held = {asset: balance.total for asset, balance in state.balances.items() if balance.total}
        assert held == self.venue_totals()
        assert self.query("SELECT count(*) FROM balance_changes WHERE missing <> 0") == [(0,)]
        self._assert_orders_agree()
        audit = self.venue.control.get("audit")
        assert all(asset["balanced"] for asset in audit.values()), audit

    def _assert_orders_agree(self) -> None:
        legs = self.query("SELECT signal_id, leg FROM orders")
        assert len(legs) == len(set(legs))
        at_venue = {order.client_order_id: order.executed_quantity for order in self.venue_orders()}
        assert len(at_venue) == len(self.venue_orders())
        in_ledger = {order_id: filled for order_id, _, _, _, filled in self.orders() if filled}
        assert in_ledger == {order_id: filled for order_id, filled in at_venue.items() if filled}
        confirmed = {order_id for order_id, _, _, status, _ in self.orders() if status == OrderStatus.FILLED}
        assert confirmed <= set(at_venue)
