"""The platform's own access to a simulated exchange that a test runs."""

from __future__ import annotations

from pydantic import SecretStr

from trading_platform.adapters.ccxt_exchange.client import VenueAccess
from trading_platform_tests.support.simulated import SimulatedExchange


def access_to(venue: SimulatedExchange, send_timeout_seconds: float = 2.0) -> VenueAccess:
    """Access with the account's keys, and with timeouts that a test can wait for."""
    return VenueAccess(
        exchange_id="binance",
        name="the simulated exchange",
        read_timeout_seconds=1.0,
        send_timeout_seconds=send_timeout_seconds,
        base_url=venue.base_url,
        api_key=SecretStr(venue.api_key),
        api_secret=SecretStr(venue.api_secret),
    )
