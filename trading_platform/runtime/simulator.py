"""The simulated exchange's process: its configuration made from the platform's settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from trading_platform.bootstrap import platform
from trading_platform.domain.errors import FixSettings
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import Settings, current_settings
from trading_platform.simulator.config import (
    AccountConfig,
    ArchiveMarketConfig,
    LiveMarketConfig,
    MarketConfig,
    SimulatorConfig,
    SyntheticMarketConfig,
)
from trading_platform.simulator.model import Quote
from trading_platform.simulator.server import serve


def simulator_config(settings: Settings) -> SimulatorConfig:
    """The exchange that these settings describe: replayed, synthetic, or a real venue's prices for paper orders.

    Raises
    ------
    FixSettings
        The exchange's address or the account's key there isn't set.
    """
    servers, simulator = settings.servers, settings.simulator
    if not (servers.simulator and servers.simulator_api_key and servers.simulator_api_secret):
        raise FixSettings("servers.simulator and its api key and secret are not set: start with 'trading-platform up'")
    account = AccountConfig(
        name=settings.account.name,
        api_key=servers.simulator_api_key.get_secret_value(),
        api_secret=servers.simulator_api_secret.get_secret_value(),
        balances={settings.account.quote: settings.account.starting_balance_quote},
    )
    return SimulatorConfig(
        database_path=StateFolder.at(settings.state_dir).simulator / "exchange.sqlite",
        market=_market(settings),
        accounts=(account,),
        host=settings.orchestration.listen_host,
        port=urlsplit(servers.simulator).port or 80,
        speed=None if settings.replay.step or settings.replay.folder is None else settings.replay.speed,
        step=settings.replay.step,
        warmup_candles=simulator.warmup_candles,
        maker_fee_bps=simulator.maker_fee_bps,
        taker_fee_bps=simulator.taker_fee_bps,
        spread_bps=simulator.spread_bps,
    )


def _market(settings: Settings) -> MarketConfig:
    wire_names = {symbol.replace("/", ""): symbol for symbol in settings.market.symbols}
    if not settings.simulated:
        return LiveMarketConfig(settings.venue.name, tuple(wire_names), _quotes_of(platform().feed, wire_names))
    if settings.replay.folder is not None:
        return ArchiveMarketConfig(settings.replay.folder.expanduser().resolve(), tuple(wire_names))
    return SyntheticMarketConfig(settings.simulator.seed, tuple(wire_names))


def _quotes_of(feed: MarketFeed, symbols: dict[str, str]) -> Callable[[Sequence[str]], list[Quote]]:
    wire_names = {symbol: wire_name for wire_name, symbol in symbols.items()}

    def fetch(wanted: Sequence[str]) -> list[Quote]:
        return [
            Quote(
                wire_names[ticker.symbol],
                int(ticker.venue_time.timestamp() * 1000),
                ticker.bid,
                ticker.ask,
                ticker.last,
            )
            for ticker in feed.tickers([symbols[name] for name in wanted])
        ]

    return fetch


def main() -> int:
    """Serve until told to stop."""
    return serve(simulator_config(current_settings()))


if __name__ == "__main__":
    raise SystemExit(main())
