"""Telling the owner that the settings name a pair which the venue doesn't trade: no candle will ever come of it."""

from __future__ import annotations

from collections.abc import Sequence

from trading_platform.domain.errors import SymbolNotTraded
from trading_platform.ports.broker import Broker
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal

KEY = "symbols"


def watch_symbols(broker: Broker, journal: HealthJournal, clock: Clock, symbols: Sequence[str]) -> str:
    """Open an incident while one of them isn't traded, and close it afterwards; why, or nothing.

    Raises
    ------
    RetryLater
        If the venue doesn't tell.
    """
    try:
        broker.instruments(symbols)
    except SymbolNotTraded as unlisted:
        journal.open_incident(KEY, "The settings name a pair that isn't traded", str(unlisted), clock.wall())
        return str(unlisted)
    journal.close_incident(KEY, "Every pair of the settings is traded", "the venue lists them all", clock.wall())
    return ""
