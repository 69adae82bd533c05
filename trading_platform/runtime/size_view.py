"""`trading-platform sizing`: what the account, or one of another size, would buy of each symbol now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal, InvalidOperation

from rich.console import Console
from rich.table import Table

from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.instrument import plain
from trading_platform.runtime.attach import attach
from trading_platform.services.size_position import market_up_to
from trading_platform.services.tabulate_sizes import BALANCES, Quoted, SizeRow, tabulate_sizes
from trading_platform.settings import Settings

_LARGEST_BALANCE = 10**15
_UNBOUND_COLUMNS = 160  # of a pipe or a file


def show_sizes(settings: Settings, balances: Sequence[str], *, as_json: bool) -> None:
    """Print the table of the running platform's symbols, at their present prices.

    Raises
    ------
    FixSettings
        A balance is no amount of money, the platform doesn't run, or a symbol isn't traded at the venue.
    RetryLater
        The database or the venue doesn't answer, or there is no price yet.
    """
    sizes = [balance_of(text) for text in balances] or BALANCES
    platform, _, _ = attach(settings)
    settings = platform.settings
    symbols, interval = settings.market.symbols, Interval.parse(settings.market.intervals[0])
    tickers, rules = platform.store.tickers(symbols), platform.broker.instruments(symbols)
    if not tickers:
        raise RetryLater("there is no price yet; try again in a moment")
    quoted = []
    for symbol, ticker in tickers.items():
        market = market_up_to(platform.store, symbol, interval, None, settings.market.window_candles)
        quoted.append(Quoted(rules[symbol], ticker.ask, market.atr, market.volatility))
    rows = tabulate_sizes(quoted, settings, sizes)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2, default=str))  # noqa: T201
        return
    console = Console()
    if not console.is_terminal:
        console.width = _UNBOUND_COLUMNS
    console.print(as_table(rows))
    console.print(steps_table(rows))


def balance_of(text: str) -> Decimal:
    """The amount that the owner wrote.

    Raises
    ------
    FixSettings
        If it is none.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not (amount.is_finite() and 0 < amount <= _LARGEST_BALANCE):
        raise FixSettings(f"--balance: {text!r} is no size of an account; write for example 84.54")
    return amount


def steps_table(rows: Sequence[SizeRow]) -> Table:
    """How each of them came about, a step per line."""
    table = Table("symbol", "balance", "how the size came about", show_lines=True)
    for row in rows:
        table.add_row(row.symbol, f"{row.balance:,}", row.how.replace("; ", "\n"))
    return table


def as_table(rows: Sequence[SizeRow]) -> Table:
    """One line per symbol and balance."""
    table = Table("symbol", "balance", "ask", "buys", "for", "then sellable", "at the stop", "brings", "or refused")
    for row in rows:
        bought = (
            ("—",) * 5
            if row.refusal
            else (
                plain(row.quantity),
                f"{row.notional:.2f}",
                plain(row.sellable),
                plain(row.exit_price),
                f"{row.exit_notional:.2f}",
            )
        )
        table.add_row(row.symbol, f"{row.balance:,}", plain(row.ask), *bought, row.refusal)
    return table
