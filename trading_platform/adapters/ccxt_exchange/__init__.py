"""Exchanges through ccxt: market data of any of them, orders in Binance's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.ccxt_exchange.clock import CcxtVenueClock
from trading_platform.adapters.ccxt_exchange.market_feed import CcxtMarketFeed
from trading_platform.adapters.ccxt_exchange.paper_market import paper_market
from trading_platform.domain.errors import FixSettings
from trading_platform.ports.circuit_journal import CircuitJournal
from trading_platform.ports.request_budget import RequestBudget
from trading_platform.settings import Settings, process_name
from trading_platform.simulator.config import LiveMarketConfig

SIMULATED_PROTOCOL = "binance"
_SIMULATED_NAME = "the simulated exchange"
_SPARE_SECONDS = 1.0


def make_market_feed(
    settings: Settings, budget: RequestBudget | None = None, circuits: CircuitJournal | None = None
) -> CcxtMarketFeed:
    """Public market data of the venue that the settings name."""
    access = market_data_access(settings)
    return CcxtMarketFeed(CcxtClient(access, budget=budget, circuits=circuits, process=process_name()))


def make_venue_clock(feed: CcxtMarketFeed) -> CcxtVenueClock:
    """Clock of the venue that this feed asks, by the measurements that the feed makes."""
    return CcxtVenueClock(feed.offset)


def make_paper_market(
    settings: Settings, budget: RequestBudget | None = None, held: Sequence[str] = ()
) -> LiveMarketConfig:
    """Quotes and rules of the real venue that the settings name, for the simulated exchange that matches the orders.

    Parameters
    ----------
    held
        Symbols that are served though the settings don't name them (any more).
    """
    symbols = tuple(dict.fromkeys([*settings.market.symbols, *held]))
    return paper_market(CcxtClient(market_data_access(settings), budget=budget), symbols)


def make_broker(
    settings: Settings, budget: RequestBudget | None = None, circuits: CircuitJournal | None = None
) -> CcxtBroker:
    """The account that trades: live at the venue itself, on paper at the simulated exchange, whatever the venue."""
    access = account_access(settings)
    return CcxtBroker(CcxtClient(access, budget=budget, circuits=circuits, process=process_name()))


def market_data_access(settings: Settings) -> VenueAccess:
    """Where public data comes from; no keys."""
    venue = settings.venue
    return VenueAccess(
        exchange_id=SIMULATED_PROTOCOL if settings.simulated else venue.name,
        name=_SIMULATED_NAME if settings.simulated else venue.name,
        read_timeout_seconds=venue.market_data_timeout_seconds,
        send_timeout_seconds=venue.timeout_seconds,
        base_url=_simulator_url(settings) if settings.simulated else venue.base_url,
        at_once=settings.requests.at_once,
        **_manners(settings),
    )


def account_access(settings: Settings) -> VenueAccess:
    """Where orders go."""
    servers, venue = settings.servers, settings.venue
    if settings.is_live:
        return VenueAccess(
            exchange_id=venue.name,
            name=venue.name,
            read_timeout_seconds=venue.market_data_timeout_seconds,
            send_timeout_seconds=venue.timeout_seconds,
            base_url=venue.base_url,
            api_key=venue.api_key,
            api_secret=venue.api_secret,
            recv_window_ms=venue.recv_window_ms,
            **_manners(settings),
        )
    if not (servers.simulator_api_key and servers.simulator_api_secret):
        raise FixSettings(_unset("servers.simulator_api_key and servers.simulator_api_secret"))
    return VenueAccess(
        exchange_id=SIMULATED_PROTOCOL,
        name=_SIMULATED_NAME,
        read_timeout_seconds=venue.market_data_timeout_seconds,
        send_timeout_seconds=venue.timeout_seconds,
        base_url=_simulator_url(settings),
        api_key=servers.simulator_api_key,
        api_secret=servers.simulator_api_secret,
        recv_window_ms=venue.recv_window_ms,
        **_manners(settings),
    )


def _manners(settings: Settings) -> dict[str, Any]:
    requests = settings.requests
    # a tick that finds the venue silent takes a time-out to learn it: the next one must find the pause over
    until_next_tick = settings.cadence.refresh_seconds - settings.venue.market_data_timeout_seconds - _SPARE_SECONDS
    return {
        "market_data_share": float(requests.market_data_share),
        "failures_to_pause": requests.failures_to_pause,
        "longest_pause_seconds": min(requests.longest_pause_seconds, max(until_next_tick, _SPARE_SECONDS)),
    }


def _simulator_url(settings: Settings) -> str:
    if settings.servers.simulator is None:
        raise FixSettings(_unset("servers.simulator"))
    return settings.servers.simulator


def _unset(name: str) -> str:
    return f"{name}: not set; start the platform with 'trading-platform up', which sets it, or set it yourself"
