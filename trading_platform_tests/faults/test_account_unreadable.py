"""The account can't be read by a process that has just started, orders are taken: what is due is sold all the same."""

from __future__ import annotations

import pytest

from trading_platform.bootstrap import Platform
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.exits_first import exits_first
from trading_platform.services.trade import trade
from trading_platform_tests.support.examples import ACCOUNT
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("is_fresh", [False, True], ids=["process that knows its fees", "fresh process"])
def test_an_exit_goes_though_the_account_is_silent(
    database_url: str, venue: SimulatedExchange, *, is_fresh: bool
) -> None:
    floor = TradingFloor(floor_settings(database_url, venue, {"trailing": False}), venue)
    floor.says(1)
    trade(floor.desk())
    assert len(floor.platform.ledger.open_positions(ACCOUNT)) == 1
    floor.says(2, Direction.SHORT)
    venue.control.fault("status", endpoint="/api/v3/account", status=503)
    if is_fresh:
        floor.platform = Platform(floor.settings)
    with exits_first([]):
        trade(floor.desk())
    assert floor.platform.ledger.open_positions(ACCOUNT) == []
    assert not [order for order in floor.venue_orders() if order.status.is_open]
