"""A view of an account that every rule lets buy, with what a test changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trading_platform.domain.account_rules import AccountView
from trading_platform.domain.venue_time import VenueTime
from trading_platform_tests.support.examples import START, SYMBOL

ETH = "ETH/USDT"
NOON = START + timedelta(hours=12)


def seconds_ago(seconds: float) -> datetime:
    """So many seconds before noon."""
    return NOON - timedelta(seconds=seconds)


def view(**changes: Any) -> AccountView:
    """An account of 100 USDT at noon."""
    quiet: dict[str, Any] = {
        "symbol": SYMBOL,
        "time": VenueTime(NOON, NOON),
        "equity_quote": Decimal(100),
        "smallest_order_quote": Decimal(10),
        "ask": Decimal(50_000),
        "last": Decimal(50_000),
        "closes": [Decimal(50_000)],
        "reconciled_at": NOON,
    }
    return AccountView(**quiet | changes)
