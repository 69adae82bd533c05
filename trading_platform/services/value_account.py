"""What the account is worth now."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from trading_platform.domain.market import Ticker
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import EquityPoint, Ledger
from trading_platform.ports.series_store import SeriesStore


def value_account(ledger: Ledger, store: SeriesStore, clock: Clock, account: str) -> EquityPoint | None:
    """Cash and what is held at the bid, dust of closed positions included; None if it can't be told.

    There is no equity to tell without a balance, or while an open position has no price: it isn't worth zero, and it
    isn't worth its cost. Assets that the platform has no price for and no position in are left out.
    """
    state = ledger.account(account)
    if state.quote not in state.balances:
        return None
    symbols = {f"{asset}/{state.quote}": balance.total for asset, balance in state.balances.items() if balance.total}
    symbols.pop(f"{state.quote}/{state.quote}", None)
    open_positions = {position.symbol for position in ledger.open_positions(account)}
    tickers: Mapping[str, Ticker] = store.tickers(sorted(symbols.keys() | open_positions))
    if not open_positions <= tickers.keys():
        return None
    held = sum((total * tickers[symbol].bid for symbol, total in symbols.items() if symbol in tickers), Decimal(0))
    now = clock.read()
    return EquityPoint(account, now.now, state.balances[state.quote].total, held, now.wall)


def record_equity(ledger: Ledger, store: SeriesStore, clock: Clock, account: str) -> EquityPoint | None:
    """Value the account and keep the point."""
    point = value_account(ledger, store, clock, account)
    if point is not None:
        ledger.record_equity(point)
    return point
