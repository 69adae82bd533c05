"""Everything the simulated exchange can be told before it starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from trading_platform.kline_archive import is_archive
from trading_platform.simulator.model import Quote, SymbolRules

DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@dataclass(frozen=True, slots=True)
class SyntheticMarketConfig:
    """A seeded market that never ends.

    Parameters
    ----------
    seed
        Same seed, same prices, shifted to the time of the first start.
    symbols
        Binance-style symbols, e.g. ``BTCUSDT``.
    history_candles
        One-minute candles of the past that exist at the first start.
    """

    seed: int = 7
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS
    history_candles: int = 43_200

    def market_id(self) -> str:
        """Identify the market: two configurations with one id have the same prices, of whatever symbols they serve."""
        return f"synthetic:{self.seed}:{self.history_candles}"


@dataclass(frozen=True, slots=True)
class ArchiveMarketConfig:
    """Recorded candles, one ``SYMBOL-INTERVAL.csv[.gz]`` or ``.zip`` per symbol and interval.

    Parameters
    ----------
    folder
        Where the archives lie.
    symbols
        The symbols to trade; all that the folder holds when empty.
    """

    folder: Path
    symbols: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """The archives in the folder, by name."""
        if not self.folder.is_dir():
            return []
        return sorted(p for p in self.folder.iterdir() if is_archive(p))

    def market_id(self) -> str:
        """Identify the market by the folder's name and its files' names and sizes."""
        listing = ",".join(f"{p.name}:{p.stat().st_size}" for p in self.files())
        digest = hashlib.sha256(listing.encode()).hexdigest()[:12]
        return f"archive:{self.folder.name}:{digest}"


@dataclass(frozen=True, slots=True)
class LiveMarketConfig:
    """Quotes of a real venue, for paper trading: nothing is simulated but the account.

    Parameters
    ----------
    venue
        Name of the venue, part of the market's identity.
    symbols
        The symbols to poll.
    fetch_quotes
        Called on a background thread with the symbols; returns the venue's newest quotes.
    poll_seconds
        Wait between two polls.
    max_quote_age_seconds
        Orders are refused when the newest quote is older.
    depth_notional
        Quote amount assumed on each level of the book, which the venue's quotes don't tell.
    rules
        The venue's own trading rules; derived ones are used for symbols left out.
    """

    venue: str
    symbols: tuple[str, ...]
    fetch_quotes: Callable[[Sequence[str]], Sequence[Quote]] = field(repr=False)
    poll_seconds: float = 1.0
    max_quote_age_seconds: float = 10.0
    depth_notional: Decimal = Decimal(20_000)
    rules: tuple[SymbolRules, ...] = ()

    def market_id(self) -> str:
        """Identify the market by its venue."""
        return f"live:{self.venue}"


MarketConfig: TypeAlias = SyntheticMarketConfig | ArchiveMarketConfig | LiveMarketConfig


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """An account the exchange knows from its first start on.

    ``balances`` are paid in once, when the account is first seen; later starts keep the books.
    """

    name: str
    api_key: str
    api_secret: str = field(repr=False)
    balances: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """The whole simulator.

    Parameters
    ----------
    database_path
        SQLite file with orders, balances and the clock's position.
    market
        Where prices come from.
    accounts
        Who may trade.
    host, port
        Where the server listens; port 0 takes a free one.
    speed
        Market seconds per wall second. ``None``: an archive replays at 1, the other markets
        live on the wall clock.
    step
        The market stands still but for ``Exchange.step``.
    warmup_candles
        Base candles of the past that exist before a replay or step market starts.
    maker_fee_bps, taker_fee_bps
        Commission in basis points, charged in the received asset.
    spread_bps
        Distance between best bid and best ask.
    book_level_bps
        Distance between two levels of the synthetic book.
    book_level_volume_share
        Quantity of one level, as a share of the mean volume per minute of the last 20 candles.
    maker_volume_share
        Share of a trade's volume that a resting order at exactly its price gets; a trade
        through the price gives the whole volume.
    """

    database_path: Path
    market: MarketConfig = field(default_factory=SyntheticMarketConfig)
    accounts: tuple[AccountConfig, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    speed: float | None = None
    step: bool = False
    warmup_candles: int = 500
    maker_fee_bps: Decimal = Decimal(10)
    taker_fee_bps: Decimal = Decimal(10)
    spread_bps: Decimal = Decimal(1)
    book_level_bps: Decimal = Decimal("0.5")
    book_level_volume_share: Decimal = Decimal("0.02")
    maker_volume_share: Decimal = Decimal("0.5")

    def market_id(self) -> str:
        """Identify the market whose books the database holds."""
        return self.market.market_id()
