"""A market that takes no orders still takes cancels: what rests there must stay, for nothing could replace it."""

from __future__ import annotations

import structlog

from trading_platform.domain.errors import RetryLater
from trading_platform.services.trading_desk import TradingDesk

NO_STOP = "protection "
"""Key of the incident about a position without its stop; the symbol follows."""

log = structlog.get_logger()


def takes_orders(desk: TradingDesk, symbol: str) -> bool:
    """Whether the venue takes orders of the symbol now. Without an answer it is tried: nothing waits for it (I7)."""
    try:
        return desk.broker.is_trading(symbol)
    except RetryLater as silence:
        log.warning("market_state_unknown", symbol=symbol, why=str(silence))
        return True


def tell_no_stop(desk: TradingDesk, symbol: str) -> None:
    """Tell the owner that a position stands without its stop until the market opens again."""
    told = "its market is closed: neither a stop nor a sale is taken, and both are tried again and again"
    desk.journal.open_incident(NO_STOP + symbol, f"No stop for {symbol}", told, desk.clock.wall())
