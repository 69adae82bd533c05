"""What accounts of 20, 84.54, 1,000 and 100,000 USDT would buy under the exchange's real filters: `make sizing-table`.

Every symbol of every recorded exchangeInfo, with the default settings, for an account that holds nothing else. Prices
are recorded ones where there are any; elsewhere 10,000 ticks stand for one. A row is an order that the exchange takes
and that can be sold again at its stop, or a refusal with its reason. The rows of symbols quoted in USDT are kept as
CSV, the summary as JSON.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console

from benchmarks.records import RESULTS, keep
from trading_platform.domain.instrument import plain
from trading_platform.runtime.size_view import as_table
from trading_platform.services.tabulate_sizes import BALANCES, SizeRow, tabulate_sizes
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.recorded_filters import recorded_markets

SHOWN = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT", "DOGE/USDT", "SHIB/USDT", "PEPE/USDT")
FOREIGN = "not_quoted_in_account"


def main() -> None:
    """Print the tables and keep them."""
    console, settings = Console(width=150), plain_settings()
    summary: dict[str, object] = {}
    rows: list[tuple[str, SizeRow]] = []
    for market in recorded_markets():
        found = tabulate_sizes(market.trading, settings)
        shown = [row for row in found if row.symbol in SHOWN]
        console.print(f"\n{market.name}: {len(market.trading)} symbols trade, {len(market.halted)} don't")
        console.print(as_table(shown))
        outcomes = {str(balance): _outcomes(found, balance) for balance in BALANCES}
        for balance, counted in outcomes.items():
            console.print(f"{balance:>8} USDT: " + ", ".join(f"{number} {what}" for what, number in counted.items()))
        summary[market.name] = {"trading": len(market.trading), "halted": len(market.halted), "outcomes": outcomes}
        rows += [(market.name, row) for row in found if row.refusal != FOREIGN]
    _keep_rows(rows)
    keep("sizing_table", summary, console)


def _outcomes(rows: Iterable[SizeRow], balance: Decimal) -> dict[str, int]:
    """How many symbols came out how."""
    counted = Counter(row.refusal or "tradable and closable" for row in rows if row.balance == balance)
    return dict(counted.most_common())


def _keep_rows(rows: Sequence[tuple[str, SizeRow]]) -> None:
    columns = ("symbol", "balance", "ask", "quantity", "notional", "sellable", "exit_price", "exit_notional", "refusal")
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"sizing_table-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("filters", *columns))
        writer.writerows((name, *(_plain(getattr(row, column)) for column in columns)) for name, row in rows)


def _plain(value: object) -> object:
    return plain(value) if isinstance(value, Decimal) else value


if __name__ == "__main__":
    main()
