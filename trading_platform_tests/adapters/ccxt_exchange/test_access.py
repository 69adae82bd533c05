"""Which venue is asked for what, according to the settings."""

from __future__ import annotations

from typing import Any

import pytest

from trading_platform.adapters.ccxt_exchange import account_access, make_broker, make_market_feed, market_data_access
from trading_platform.domain.errors import FixSettings
from trading_platform.settings import Settings, load_settings

SERVERS = {
    "simulator": "http://127.0.0.1:1234",
    "simulator_api_key": "the key",
    "simulator_api_secret": "the secret",
}


def settings(**changes: Any) -> Settings:
    return load_settings({"servers": SERVERS, **changes})


def test_the_simulated_exchange_gives_data_and_takes_orders() -> None:
    data, account = market_data_access(settings()), account_access(settings())
    assert data.base_url == account.base_url == "http://127.0.0.1:1234"
    assert data.exchange_id == account.exchange_id == "binance"
    assert data.api_key is None


def test_a_real_venue_gives_data_but_takes_no_orders() -> None:
    kraken = settings(venue={"name": "kraken"})
    assert (market_data_access(kraken).exchange_id, market_data_access(kraken).base_url) == ("kraken", None)
    assert market_data_access(kraken).api_key is None
    assert account_access(kraken).base_url == "http://127.0.0.1:1234"


def test_timeouts_and_window_are_those_of_the_settings() -> None:
    access = account_access(
        settings(venue={"timeout_seconds": 11, "market_data_timeout_seconds": 3, "recv_window_ms": 4000})
    )
    assert (access.send_timeout_seconds, access.read_timeout_seconds, access.recv_window_ms) == (11, 3, 4000)
    assert access.config()["options"]["recvWindow"] == 4000


@pytest.mark.parametrize("missing", SERVERS)
def test_what_is_not_set_is_named(missing: str) -> None:
    incomplete = load_settings({"servers": {name: value for name, value in SERVERS.items() if name != missing}})
    with pytest.raises(FixSettings, match=f"servers.{missing}"):
        make_broker(incomplete)


def test_public_data_needs_no_keys() -> None:
    make_market_feed(load_settings({"servers": {"simulator": SERVERS["simulator"]}}))
