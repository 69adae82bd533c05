"""The simulated exchange's process: its configuration made from the platform's settings."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

from trading_platform.bootstrap import Platform
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.symbol_names import unified_symbol
from trading_platform.settings import Settings, current_settings
from trading_platform.simulator.config import (
    AccountConfig,
    ArchiveMarketConfig,
    MarketConfig,
    SimulatorConfig,
    SyntheticMarketConfig,
)
from trading_platform.simulator.server import serve
from trading_platform.simulator.store import symbols_of_books


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
    books = StateFolder.at(settings.state_dir).simulator / "exchange.sqlite"
    return SimulatorConfig(
        database_path=books,
        market=_market(settings, books),
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


def _market(settings: Settings, books: Path) -> MarketConfig:
    if not settings.simulated:
        from trading_platform.adapters.ccxt_exchange import make_paper_market  # 75 MB that no other market needs

        ordered = [unified_symbol(name, settings) for name in symbols_of_books(books)]
        return make_paper_market(settings, Platform(settings).budget, [*filter(None, ordered)])
    wire_names = tuple(symbol.replace("/", "") for symbol in settings.market.symbols)
    if settings.replay.folder is not None:
        return ArchiveMarketConfig(settings.replay.folder.expanduser().resolve(), wire_names)
    return SyntheticMarketConfig(settings.simulator.seed, wire_names)


def main() -> int:
    """Serve until told to stop; without the venue whose prices it needs, end and be started again."""
    try:
        config = simulator_config(current_settings())
    except (FixSettings, RetryLater) as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    return serve(config)


if __name__ == "__main__":
    raise SystemExit(main())
