"""A trading floor for tests that hurt it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings


@pytest.fixture
def venue() -> Iterator[SimulatedExchange]:
    """An exchange with 84.54 USDT, whose market stands still."""
    with simulated_exchange(balances={"USDT": Decimal("84.54")}, step=True) as running:
        yield running


@pytest.fixture
def floor(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """A desk at that exchange, with nothing bought yet."""
    return TradingFloor(floor_settings(database_url, venue), venue)
