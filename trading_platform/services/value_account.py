"""What the account is worth now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.market import Ticker
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import AccountState, EquityPoint, Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.settings import Settings

BPS = Decimal(10_000)


def value_account(ledger: Ledger, store: SeriesStore, clock: Clock, account: str) -> EquityPoint | None:
    """Cash and what is held at the bid, dust of closed positions included; None if it can't be told.

    There is no equity to tell without a balance, or while an open position has no price: it isn't worth zero, and it
    isn't worth its cost. Assets that the platform has no price for and no position in are left out.
    """
    state = ledger.account(account)
    if state.quote not in state.balances:
        return None
    symbols = _totals_by_symbol(state)
    open_positions = {position.symbol for position in ledger.open_positions(account)}
    tickers: Mapping[str, Ticker] = store.tickers(sorted(symbols.keys() | open_positions))
    if not open_positions <= tickers.keys():
        return None
    held = sum((total * tickers[symbol].bid for symbol, total in symbols.items() if symbol in tickers), Decimal(0))
    now = clock.read()
    return EquityPoint(account, now.now, state.balances[state.quote].total, held, now.wall)


def doubt_about_worth(ledger: Ledger, store: SeriesStore, clock: Clock, settings: Settings) -> str | None:
    """Why the prices of what the account holds can't be believed now, in plain words; None if they can.

    Dust, which no position holds and no order could sell, is worth next to nothing at any price: one that nobody
    fetches any more raises no doubt.
    """
    return next(iter(doubtful_prices(ledger, store, clock, settings).values()), None)


def doubtful_prices(ledger: Ledger, store: SeriesStore, clock: Clock, settings: Settings) -> dict[str, str]:
    """The symbols whose prices can't be believed, and why."""
    wall = clock.wall()
    doubts = {
        symbol: f"no price of {symbol} is known" if ticker is None else _doubt(ticker, wall, settings)
        for symbol, ticker in valued_symbols(ledger, store, settings).items()
    }
    return {symbol: doubt for symbol, doubt in doubts.items() if doubt}


def valued_symbols(ledger: Ledger, store: SeriesStore, settings: Settings) -> dict[str, Ticker | None]:
    """What the account's worth hangs on, with the newest price of each: positions, and balances worth an order.

    Whether or not the settings name them (any more).
    """
    account = settings.account.name
    state = ledger.account(account)
    held = {position.symbol for position in ledger.open_positions(account)}
    totals = _totals_by_symbol(state)
    tickers = store.tickers(sorted(totals.keys() | held))
    return {
        symbol: tickers.get(symbol)
        for symbol in sorted(totals.keys() | held)
        if symbol in held or _is_worth_an_order(totals[symbol], tickers.get(symbol), settings)
    }


def _totals_by_symbol(state: AccountState) -> dict[str, Decimal]:
    """Of every asset that there is any of, but the quote itself: how much, by its pair with the quote."""
    return {
        f"{asset}/{state.quote}": balance.total
        for asset, balance in state.balances.items()
        if balance.total and asset != state.quote
    }


def _is_worth_an_order(total: Decimal, ticker: Ticker | None, settings: Settings) -> bool:
    return ticker is not None and total * max(ticker.bid, ticker.last) >= settings.risk.notional_floor_quote


def _doubt(ticker: Ticker, wall: datetime, settings: Settings) -> str | None:
    age, limit = ticker.age_seconds(wall), settings.freshness.max_price_age_seconds
    if age > limit:
        return f"the newest price of {ticker.symbol} is {age:.0f} s old, {limit:.0f} s at most are believed"
    widest = settings.account_rules.max_ask_from_last_bps
    if ticker.last <= 0 or abs(ticker.bid / ticker.last - 1) * BPS > widest:
        return f"the bid of {ticker.symbol}, {ticker.bid}, is more than {widest} bps from its last price, {ticker.last}"
    return None


def record_equity(ledger: Ledger, store: SeriesStore, clock: Clock, account: str) -> EquityPoint | None:
    """Value the account and keep the point."""
    point = value_account(ledger, store, clock, account)
    if point is not None:
        ledger.record_equity(point)
    return point
