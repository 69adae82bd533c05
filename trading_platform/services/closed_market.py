"""A market that takes no orders still takes cancels: what rests there must stay, for nothing could replace it."""

from __future__ import annotations

from datetime import datetime

import structlog

from trading_platform.domain.errors import RetryLater, SymbolNotTraded
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.services.trading_desk import TradingDesk

NO_STOP = "protection "
"""Key of the incident about a position without its stop; the symbol follows."""

log = structlog.get_logger()


CLOSED = "its market is closed"


def why_closed(desk: TradingDesk, symbol: str) -> str | None:
    """Why the venue takes no orders of the symbol now; None if it does.

    Without an answer it is tried: nothing waits for it (I7).
    """
    try:
        return None if desk.broker.is_trading(symbol) else CLOSED
    except SymbolNotTraded as unlisted:
        return str(unlisted)
    except RetryLater as silence:
        log.warning("market_state_unknown", symbol=symbol, why=str(silence))
        return None


def tell_end(
    journal: HealthJournal, symbol: str, wall: datetime, *, is_guarded: bool, is_left_behind: bool = False
) -> None:
    """Tell the owner that no position is without its stop any more, and why."""
    ended = "nothing is held any more"
    if is_guarded:
        ended = "its stop rests"
    elif is_left_behind:
        ended = "its base has left the account, and what remains is too little to be sold or to have a stop"
    title = f"{symbol} is safe" if is_guarded else f"{symbol} needs no stop any more"
    journal.close_incident(NO_STOP + symbol, title, ended, wall)


def tell_no_stop(desk: TradingDesk, symbol: str, why: str = CLOSED) -> None:
    """Tell the owner that a position stands without its stop until the market opens again."""
    told = f"{why}: neither a stop nor a sale is taken, and both are tried again and again"
    desk.journal.open_incident(NO_STOP + symbol, f"No stop for {symbol}", told, desk.clock.wall())
