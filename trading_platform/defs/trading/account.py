"""What the account is worth."""

import dagster as dg

from trading_platform.defs.market_data.assets import tickers
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.signals.assets import signals
from trading_platform.defs.tables import as_table, link_to_asset
from trading_platform.services.guard import ShownGuard, shown_guards
from trading_platform.services.value_account import record_equity


@dg.asset(
    group_name="account",
    kinds={"postgres"},
    deps=[tickers, signals],
    description="Cash and open positions at the bid, one point per minute of the venue's clock.",
)
def equity(platform: PlatformParam) -> dg.MaterializeResult:
    """Value the account and keep the point."""
    account = platform.settings.account.name
    platform.open_account()
    point = record_equity(platform.ledger, platform.store, platform.clock, account)
    if point is None:
        return dg.MaterializeResult(metadata={"equity": "not known yet: no balance or no price"})
    positions = platform.ledger.open_positions(account)
    guards = shown_guards(platform.ledger, account)
    return dg.MaterializeResult(
        metadata={
            "chart": link_to_asset("equity_chart"),
            "equity_quote": float(point.equity_quote),
            "cash_quote": float(point.cash_quote),
            "positions_quote": float(point.positions_quote),
            "positions": as_table(
                [
                    {
                        "symbol": p.symbol,
                        "quantity": p.quantity,
                        "average price": f"{p.average_price:.8g}" if p.average_price else "—",
                        "strategy": p.strategy,
                        "opened (UTC)": p.opened_at,
                        "stop": guard.stop or "—",
                        "target": guard.target or "—",
                        "at the venue": guard.state,
                    }
                    for p in positions
                    for guard in [guards.get(p.symbol, ShownGuard())]
                ]
            ),
        }
    )
