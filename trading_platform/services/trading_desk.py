"""What the trading services share: the account, the ports through which they act, and the settings in force."""

from __future__ import annotations

from dataclasses import dataclass

from trading_platform.domain.errors import SymbolNotTraded
from trading_platform.domain.instrument import Instrument
from trading_platform.ports.broker import Broker
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import SeriesStore
from trading_platform.settings import Settings


@dataclass(frozen=True)
class TradingDesk:
    """One account's place of work.

    Parameters
    ----------
    run_id
        Names the run in decisions, so that the UI's run can be found again.
    """

    ledger: Ledger
    broker: Broker
    store: SeriesStore
    feed: MarketFeed
    journal: HealthJournal
    clock: Clock
    settings: Settings
    run_id: str = "manual"

    @property
    def account(self) -> str:
        """Name of the account."""
        return self.settings.account.name

    def instrument(self, symbol: str) -> Instrument:
        """The venue's rules for a symbol: one that the settings no longer name may still be held, or have an order."""
        return self.broker.instruments([symbol])[symbol]

    def instrument_of_books(self, symbol: str) -> Instrument:
        """The same for what is booked, not sent: that is done though the venue lists the pair no more."""
        try:
            return self.instrument(symbol)
        except SymbolNotTraded:
            return Instrument.unlisted(symbol)
