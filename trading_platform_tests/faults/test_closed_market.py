"""A market that closes takes cancels and no orders: a position keeps its stop, or has it back, and is sold later."""

from __future__ import annotations

import pytest

from trading_platform.domain.strategies.base import Direction
from trading_platform.services.trade import trade
from trading_platform_tests.support.examples import ACCOUNT
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration


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
