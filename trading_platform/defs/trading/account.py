"""What the account is worth, and whether it may buy."""

from collections.abc import Iterator

import dagster as dg

from trading_platform.bootstrap import Platform
from trading_platform.defs.lanes import run_started_at
from trading_platform.defs.market_data.assets import tickers
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.signals.assets import signals
from trading_platform.defs.tables import as_table, link_to_asset
from trading_platform.ports.ledger import EquityPoint
from trading_platform.services.guard import ShownGuard, shown_guards
from trading_platform.services.protect_account import protect_account
from trading_platform.services.record_metrics import REFRESH, record_refresh
from trading_platform.services.summarise_account import what_stops_buying
from trading_platform.services.value_account import record_equity

MAY_BUY = "account_may_buy"


@dg.asset(
    group_name="account",
    kinds={"postgres"},
    deps=[tickers, signals],
    check_specs=[
        dg.AssetCheckSpec(
            MAY_BUY,
            asset="equity",
            description="No kill switch is pulled, the balances agree with the venue's, and live trading is armed. "
            "Exits go on in any case.",
        )
    ],
    description="Cash and open positions at the bid, one point per minute of the venue's clock.",
)
def equity(
    context: dg.AssetExecutionContext, platform: PlatformParam
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Value the account, keep the point, and halt the account if it has lost too much."""
    platform.open_account()
    point = record_equity(platform.ledger, platform.store, platform.clock, platform.settings.account.name)
    protect_account(platform.ledger, platform.store, platform.clock, platform.settings)
    yield _materialization(platform, point)
    reasons = what_stops_buying(platform.ledger, platform.settings)
    yield dg.AssetCheckResult(
        check_name=MAY_BUY,
        asset_key="equity",
        passed=not reasons,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(reasons) or "nothing stops the account from buying",
    )
    # the last step of a refresh run; equity alone, materialized by hand, is no such run
    is_refresh = context.run.job_name == REFRESH
    record_refresh(platform.metrics, run_started_at(context.instance, context.run.run_id) if is_refresh else None)


def _materialization(platform: Platform, point: EquityPoint | None) -> dg.MaterializeResult:
    ledger, account = platform.ledger, platform.settings.account.name
    if point is None:
        return dg.MaterializeResult(metadata={"equity": "not known yet: no balance or no price"})
    positions = ledger.open_positions(account)
    guards = shown_guards(ledger, account)
    marks = ledger.equity_marks(account)
    drawdown = {"drawdown": float(marks.drawdown_of(point.equity_quote))} if marks else {}
    return dg.MaterializeResult(
        metadata={
            "chart": link_to_asset("equity_chart"),
            "equity_quote": float(point.equity_quote),
            "cash_quote": float(point.cash_quote),
            "positions_quote": float(point.positions_quote),
            **drawdown,
            "positions": as_table(
                [
                    {
                        "symbol": p.symbol,
                        "quantity": p.quantity,
                        "average price": f"{p.average_price:.8g}" if p.average_price else "—",
                        "strategy": p.strategy,
                        "opened (UTC)": p.opened_at,
                        "stop": f"{guard.stop.normalize():f}" if guard.stop else "—",
                        "target": f"{guard.target.normalize():f}" if guard.target else "—",
                        "at the venue": guard.state,
                    }
                    for p in positions
                    for guard in [guards.get(p.symbol, ShownGuard())]
                ]
            ),
        }
    )
