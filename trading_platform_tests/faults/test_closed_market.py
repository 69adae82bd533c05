"""A market that closes takes cancels and no orders: a position keeps its stop, or has it back, and is sold later."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trading_platform.domain.strategies.base import Direction
from trading_platform.services.trade import trade
from trading_platform.settings import MarketSettings, Settings
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform_tests.support.archives import write_archive
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration

_LAST = 600
"""Number of the last candle before the gap."""


@pytest.fixture
def holding(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """A floor with a protected position that its strategy has just said to sell."""
    settings = floor_settings(database_url, venue, protection={"trailing": False, "look_seconds": 300})
    floor = TradingFloor(settings, venue)
    floor.trade_until_quiet()
    floor.says(60)
    floor.trade_until_quiet()
    assert _open_at_venue(floor) == ["stop", "target"]
    floor.says(120, Direction.SHORT)
    return floor


def _open_at_venue(floor: TradingFloor) -> list[str]:
    legs = {order_id: leg for order_id, leg, _, _, _ in floor.orders()}
    return sorted(legs[order.client_order_id] for order in floor.venue_orders() if order.status.is_open)


def test_the_stop_stays_while_the_market_is_closed_and_the_sale_follows(holding: TradingFloor) -> None:
    holding.venue.control.fault("close_market", symbol="BTCUSDT")
    for _ in range(3):
        assert trade(holding.desk()).exits == ()
        holding.clock.forward(61)
        assert _open_at_venue(holding) == ["stop", "target"]
    holding.assert_books_agree()

    holding.venue.control.clear_faults()
    holding.trade_until_quiet()

    assert holding.platform.ledger.open_positions(ACCOUNT) == []
    assert _open_at_venue(holding) == []
    holding.assert_books_agree()


def test_a_market_that_closes_after_the_stop_was_taken_back_has_it_again_at_once(holding: TradingFloor) -> None:
    holding.venue.control.fault("reject_order", code=-2010, message="Market is closed.", count=1)

    trade(holding.desk())

    assert _open_at_venue(holding) == ["stop2", "target2"]
    holding.assert_books_agree()
    holding.clock.forward(61)
    holding.trade_until_quiet()
    assert holding.platform.ledger.open_positions(ACCOUNT) == []
    holding.assert_books_agree()


def test_a_gap_of_recorded_candles_is_passed_with_the_stop_at_rest(database_url: str, tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "archive", 1000, ("BTCUSDT",), without=range(_LAST + 1, _LAST + 285))
    market = ArchiveMarketConfig(folder, ("BTCUSDT",))
    with simulated_exchange(
        market=market, balances={"USDT": Decimal("84.54")}, step=True, warmup_candles=_LAST - 5
    ) as venue:
        settings = floor_settings(database_url, venue, {"trailing": False, "look_seconds": 300, "target": "none"})
        floor = TradingFloor(settings.model_copy(update={"market": _only_bitcoin(settings)}), venue)
        floor.trade_until_quiet()
        floor.says(60)
        floor.trade_until_quiet()
        while floor.platform.broker.is_trading(SYMBOL):
            floor.platform.simulator.step(floor.platform.simulator.position().now)
        floor.says(120, Direction.SHORT)

        assert trade(floor.desk()).exits == ()
        assert _open_at_venue(floor) == ["stop"]

        before = floor.platform.simulator.position().now
        after = floor.platform.simulator.step(before).now
        assert after - before > timedelta(minutes=280)
        floor.clock.forward(61)
        floor.trade_until_quiet()
        assert floor.platform.ledger.open_positions(ACCOUNT) == []
        assert _open_at_venue(floor) == []


def _only_bitcoin(settings: Settings) -> MarketSettings:
    return settings.market.model_copy(update={"symbols": (SYMBOL,)})
