"""Servers shared by the integration tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange


@pytest.fixture(scope="module")
def shared_exchange() -> Iterator[SimulatedExchange]:
    """One simulated exchange for all tests of a module."""
    with simulated_exchange() as running:
        yield running


@pytest.fixture
def venue(shared_exchange: SimulatedExchange) -> Iterator[SimulatedExchange]:
    """The shared exchange, without faults and without open orders."""
    yield shared_exchange
    shared_exchange.control.clear_faults()
    shared_exchange.on_server_thread(_cancel_everything)


def _cancel_everything(exchange: object) -> None:
    from trading_platform.simulator.exchange import Exchange
    from trading_platform_tests.support.simulated import ACCOUNT

    assert isinstance(exchange, Exchange)
    for symbol in {order.symbol for order in exchange.open_orders(ACCOUNT)}:
        exchange.cancel_open_orders(ACCOUNT, symbol)
