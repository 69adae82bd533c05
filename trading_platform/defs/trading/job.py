"""Risk and execution: one run at a time per account."""

from collections.abc import Sequence

import dagster as dg

from trading_platform.bootstrap import Platform
from trading_platform.defs.lanes import QUIET, is_active, run_started_at, trading_tags
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.tables import as_table
from trading_platform.services.explain import explain
from trading_platform.services.record_metrics import record_trade
from trading_platform.services.tell_explanation import as_markdown
from trading_platform.services.trade import trade as run_trade_cycle
from trading_platform.services.trade import work_waiting
from trading_platform.settings import current_settings

MOST_EXPLAINED = 6
"""Orders of one run whose explanation stands in the event log, some 4 KB each."""


@dg.op(description="Reconcile, gate, size, reserve, submit, settle: exits first.")
def trade_account(context: dg.OpExecutionContext, platform: PlatformParam) -> None:
    """One trading cycle; what it decided stands in the ledger and in this op's metadata."""
    report = run_trade_cycle(platform.desk(context.run_id))
    record_trade(platform.metrics, run_started_at(context.instance, context.run_id))
    account = platform.settings.account.name
    state = platform.ledger.account(account)
    symbols = {s.signal_id: s.symbol for s in platform.ledger.recent_signals(account, 100)}
    context.add_output_metadata(
        {
            **_explanations(platform, [*report.exits, *report.entries]),
            "reconciled": report.reconciled,
            "exits": len(report.exits),
            "entries": len(report.entries),
            "orders_left_open": len(report.left_open),
            "balances": as_table(
                [
                    {"asset": asset, "total": b.total, "reserved": b.reserved, "free": b.free}
                    for asset, b in sorted(state.balances.items())
                ]
            ),
            "decisions": as_table(
                [
                    {
                        "decided at (UTC)": d.decided_at,
                        "run": "this one" if d.details.get("run_id") == context.run_id else "an earlier one",
                        "symbol": symbols.get(d.signal_id, "—"),
                        "leg": d.leg,
                        "reason": d.reason,
                        "message": d.message,
                    }
                    for d in platform.ledger.recent_decisions(account, 10)
                ]
            ),
            "orders": as_table(
                [
                    {
                        "created (UTC)": o.created_at,
                        "id": o.client_order_id,
                        "symbol": o.symbol,
                        "leg": o.leg,
                        "side": o.side,
                        "quantity": o.quantity,
                        "filled": o.filled_quantity,
                        "price": next((f"{p:f}" for p in (o.stop_price, o.limit_price) if p), "market"),
                        "status": o.status,
                    }
                    for o in platform.ledger.recent_orders(account, 10)
                ]
            ),
        }
    )


def _explanations(platform: Platform, sent: Sequence[str]) -> dict[str, dg.MetadataValue]:
    """What `trading-platform explain` would tell of the orders that this run has sent; bounded (I9)."""
    settings = platform.settings
    explained = [
        explain(
            platform.ledger,
            platform.store,
            settings.account.name,
            order_id,
            platform.indicators,
            settings.market.window_candles,
        )
        for order_id in sent[:MOST_EXPLAINED]
    ]
    return {
        f"why {told.signal.direction} {told.signal.symbol}": dg.MetadataValue.md(as_markdown(told))
        for told in explained
    }


@dg.job(
    tags=trading_tags(current_settings().account.name),
    config=QUIET,
    description="Turns fresh signals into risk-checked orders and follows them; one run at a time per account.",
)
def trade() -> None:
    """The trading cycle as a job."""
    trade_account()


@dg.sensor(
    job=trade,
    minimum_interval_seconds=int(current_settings().cadence.trade_poll_seconds),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests a trade run for signals, unsettled orders, due exits and missing stops; again if one failed.",
)
def trade_sensor(context: dg.SensorEvaluationContext, platform: PlatformParam) -> dg.RunRequest | dg.SkipReason:
    """No run key: a key is spent even by a run that failed, and only the ledger knows what was done."""
    if platform.settings.replay.step:
        return dg.SkipReason("stepping: the step job trades after each candle")
    if is_active(context.instance, trade.name):
        return dg.SkipReason("the last trade run is still at work")
    platform.open_account()
    work = work_waiting(platform.ledger, platform.store, platform.clock, platform.settings)
    if work is None:
        return dg.SkipReason("no open signals, no unsettled orders, no exits due, every stop rests")
    return dg.RunRequest(tags={"trading/work": work})
