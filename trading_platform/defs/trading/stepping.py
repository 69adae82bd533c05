"""Replay by steps as a job: a batch of candles per run, each through the whole loop."""

import dagster as dg

from trading_platform.bootstrap import Platform
from trading_platform.defs.indicators.assets import indicators
from trading_platform.defs.lanes import QUIET, is_active, trading_tags
from trading_platform.defs.market_data.assets import candles
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.signals.assets import signals
from trading_platform.defs.tables import utc
from trading_platform.defs.trading.account import equity
from trading_platform.services.generate_signals import generate_signals
from trading_platform.services.protect_account import protect_account
from trading_platform.services.record_metrics import record_refresh, record_trade
from trading_platform.services.refresh_market import refresh_candles, refresh_tickers
from trading_platform.services.step_replay import step_replay
from trading_platform.services.store_indicators import store_indicators
from trading_platform.services.trade import trade, work_waiting
from trading_platform.services.value_account import record_equity
from trading_platform.settings import current_settings

STEPPED_ASSETS = (candles, indicators, signals, equity)


def run_cycle(platform: Platform, run_id: str) -> None:
    """What a refresh run and the trade runs after it do, in one go and until nothing is left to do."""
    platform.begin_cycle()
    settings = platform.settings
    market, account = settings.market, settings.account.name
    refresh_tickers(platform.feed, platform.store, platform.clock, market.symbols)
    refresh_candles(
        platform.feed,
        platform.store,
        platform.clock,
        market.symbols,
        platform.intervals,
        market.history_candles,
        aggregate_locally=market.higher_intervals == "local",
        repair_days=platform.settings.history.repair_days,
    )
    store_indicators(
        platform.store,
        market.symbols,
        platform.intervals,
        platform.indicators,
        market.window_candles,
        memory=platform.window_memory,
    )
    generate_signals(
        platform.store,
        platform.ledger,
        platform.clock,
        account,
        market.symbols,
        platform.strategies,
        market.window_candles,
        memory=platform.window_memory,
    )
    if work_waiting(platform.ledger, platform.store, platform.clock, settings):
        trade(platform.desk(run_id))
    record_equity(platform.ledger, platform.store, platform.clock, account)
    protect_account(platform.ledger, platform.store, platform.clock, settings)


@dg.op(description="Close one candle after the other, each through the whole loop, for a bounded time.")
def step_candles(context: dg.OpExecutionContext, platform: PlatformParam) -> None:
    """A batch; the next run goes on where it ends."""
    stepping = platform.stepping()
    stepping.open_account()
    done = step_replay(
        stepping.simulator,
        stepping.clock,
        lambda: run_cycle(stepping, context.run_id),
        budget_seconds=platform.settings.replay.step_batch_seconds,
    )
    record_refresh(platform.metrics, None)  # a batch is no run whose duration compares with another's
    record_trade(platform.metrics, None)
    metadata: dict[str, int | str | bool] = {
        "steps": done.steps,
        "replay position (UTC)": utc(done.position),
        "finished": done.finished,
    }
    for asset in STEPPED_ASSETS:
        context.log_event(dg.AssetMaterialization(asset.key, metadata=metadata))
    context.add_output_metadata(metadata)


@dg.job(
    tags=trading_tags(current_settings().account.name),
    config=QUIET,
    description="Steps a replay: one closed candle per completed cycle, as fast as they go.",
)
def step() -> None:
    """A batch of steps."""
    step_candles()


@dg.sensor(
    job=step,
    minimum_interval_seconds=1 if current_settings().replay.step else 60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="While a replay is stepped, requests the next batch.",
)
def step_sensor(context: dg.SensorEvaluationContext, platform: PlatformParam) -> dg.RunRequest | dg.SkipReason:
    """One batch at a time, until the recording ends."""
    if not platform.settings.replay.step:
        return dg.SkipReason("not stepping (start with --replay FOLDER --step)")
    if is_active(context.instance, step.name):
        return dg.SkipReason("the last batch is still at work")
    position = platform.simulator.position()
    if position.finished:
        return dg.SkipReason(f"the recording ended at {utc(position.now)} UTC")
    return dg.RunRequest()
