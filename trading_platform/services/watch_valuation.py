"""Telling the owner that the account's worth isn't known: the drawdown can't be judged meanwhile (I6)."""

from __future__ import annotations

from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.standing import Standing
from trading_platform.services.value_account import doubt_about_worth
from trading_platform.settings import Settings

KEY = "valuation"


class ValuationWatch:
    """Remembers since when the account's worth has been in doubt.

    Parameters
    ----------
    patience_seconds
        A price that is a little late is no incident.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._standing = Standing(patience_seconds)

    def look(
        self, ledger: Ledger, store: SeriesStore, journal: HealthJournal, clock: Clock, settings: Settings
    ) -> str | None:
        """Open an incident when the worth has been in doubt for so long; close it afterwards. The doubt, if any."""
        wall = clock.wall()
        doubt = doubt_about_worth(ledger, store, clock, settings)
        for since in self._standing.look([KEY] if doubt else [], wall).values():
            told = (
                f"since {since:%H:%M:%S} UTC: {doubt}. Nothing is bought, and no drawdown halts the account, "
                "meanwhile. If the venue doesn't trade it any more, move it out of the account"
            )
            journal.open_incident(KEY, "What the account is worth isn't known", told, wall)
        if doubt is None:
            journal.close_incident(KEY, "The account's worth is known again", "its prices are fresh", wall)
        return doubt
