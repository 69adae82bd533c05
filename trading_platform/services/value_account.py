"""What the account is worth now."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from trading_platform.domain.market import Ticker
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import EquityPoint, Ledger
from trading_platform.ports.series_store import SeriesStore


def value_account(ledger: Ledger, store: SeriesStore, clock: Clock, account: str) -> EquityPoint | None:
    """Cash and open positions at the bid; None if there is no balance yet, or a position has no price.

    A position without a price isn't worth zero, and it isn't worth its cost: there is no equity to tell.
    """
    state = ledger.account(account)
    if state.quote not in state.balances:
        return None
    positions = ledger.open_positions(account)
    tickers: Mapping[str, Ticker] = store.tickers([position.symbol for position in positions])
    if any(position.symbol not in tickers for position in positions):
        return None
    held = sum((p.quantity * tickers[p.symbol].bid for p in positions), Decimal(0))
    now = clock.read()
    return EquityPoint(account, now.now, state.balances[state.quote].total, held, now.wall)


def record_equity(ledger: Ledger, store: SeriesStore, clock: Clock, account: str) -> EquityPoint | None:
    """Value the account and keep the point."""
    point = value_account(ledger, store, clock, account)
    if point is not None:
        ledger.record_equity(point)
    return point
