"""Charts where the owner looks: as pictures in the materializations, a bounded number of them."""

import base64
from collections.abc import Iterator

import dagster as dg

from trading_platform.defs.lanes import MARKET_TAGS, QUIET, is_active
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.signals.assets import signals
from trading_platform.defs.tables import link_to_asset, utc
from trading_platform.defs.trading.account import equity
from trading_platform.domain.errors import RetryLater
from trading_platform.services.draw_charts import (
    draw_equity_chart,
    draw_equity_course,
    draw_metric_chart,
    draw_price_charts,
    newest_candle,
)
from trading_platform.settings import current_settings


@dg.asset(
    group_name="charts",
    kinds={"matplotlib"},
    deps=[signals],
    output_required=False,
    description="Candles with indicators and signals, a panel per symbol, drawn when a candle closes.",
)
def price_chart(context: dg.AssetExecutionContext, platform: PlatformParam) -> Iterator[dg.MaterializeResult]:
    """Draw every symbol at the strategies' interval."""
    settings = platform.settings
    interval = platform.strategies[0].interval if platform.strategies else platform.intervals[0]
    picture = draw_price_charts(
        platform.store,
        platform.ledger,
        platform.painter,
        settings.account.name,
        settings.market.symbols,
        interval,
        platform.indicators,
        settings.market.window_candles,
        settings.charts.candles,
    )
    if picture is None:
        context.log.info("no candles to draw yet")
        return
    newest = newest_candle(platform.store, settings.market.symbols, interval)
    yield dg.MaterializeResult(
        metadata={
            "chart": _as_image(picture, "prices"),
            "newest_candle": utc(newest),
            "signals": link_to_asset("signals"),
        }
    )


@dg.asset(
    group_name="charts",
    kinds={"matplotlib"},
    deps=[equity],
    output_required=False,
    description="The account's worth over time, with its fills.",
)
def equity_chart(context: dg.AssetExecutionContext, platform: PlatformParam) -> Iterator[dg.MaterializeResult]:
    """Draw the newest points, and once there are more, all of them thinned out."""
    account = platform.settings.account
    picture = draw_equity_chart(platform.ledger, platform.painter, account.name, account.quote)
    if picture is None:
        context.log.info("no equity to draw yet")
        return
    course = draw_equity_course(platform.ledger, platform.painter, account.name, account.quote)
    since_it_began = {} if course is None else {"since_it_began": _as_image(course, "equity since it began")}
    yield dg.MaterializeResult(metadata={"chart": _as_image(picture, "equity"), **since_it_began})


@dg.asset(
    group_name="charts",
    kinds={"matplotlib"},
    output_required=False,
    description="How the platform does: runs, ages of data, orders, streams, the spool; the last hours.",
)
def platform_chart(context: dg.AssetExecutionContext, platform: PlatformParam) -> Iterator[dg.MaterializeResult]:
    """Draw the platform's own measurements, from whichever store has them."""
    try:
        picture = draw_metric_chart(platform.store, platform.painter, platform.clock.wall())
    except RetryLater as silence:
        context.log.warning("nothing is drawn while the store is silent: %s", silence)
        return
    if picture is None:
        context.log.info("nothing is measured yet")
        return
    yield dg.MaterializeResult(metadata={"chart": _as_image(picture, "platform")})


draw_charts = dg.define_asset_job(
    "draw_charts",
    selection=dg.AssetSelection.groups("charts"),
    tags=MARKET_TAGS,
    config=QUIET,
    description="Draws the charts, apart from the refresh run so that it isn't slowed down.",
)


@dg.sensor(
    job=draw_charts,
    minimum_interval_seconds=int(current_settings().charts.minimum_interval_seconds),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the charts when a candle has closed since the last ones, and forgets the oldest.",
)
def chart_sensor(context: dg.SensorEvaluationContext, platform: PlatformParam) -> dg.SensorResult | dg.SkipReason:
    """A chart is a few ten kilobytes in the event log: so many are kept, and no more."""
    settings = platform.settings
    if not settings.charts.enabled:
        return dg.SkipReason("charts.enabled is off")
    if is_active(context.instance, draw_charts.name):
        return dg.SkipReason("the last charts are still being drawn")
    newest = newest_candle(platform.store, settings.market.symbols, platform.intervals[0])
    if newest is None or context.cursor == newest.isoformat():
        return dg.SkipReason("no candle has closed since the last charts")
    forget_old_charts(context.instance, settings.charts.keep)
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=newest.isoformat())


def forget_old_charts(instance: dg.DagsterInstance, keep: int) -> int:
    """Delete the ended chart runs beyond the newest `keep`, with their pictures; how many."""
    ended = dg.RunsFilter(
        job_name=draw_charts.name,
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
    )
    surplus = instance.get_runs_count(ended) - keep
    if surplus <= 0:
        return 0
    for record in instance.get_run_records(filters=ended, limit=surplus, ascending=True):
        instance.delete_run(record.dagster_run.run_id)
    return surplus


def _as_image(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")
