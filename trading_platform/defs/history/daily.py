"""Every night the day that is over is fetched once more, and compared with what the day itself has stored."""

from datetime import timedelta

import dagster as dg

from trading_platform.defs.history.assets import GROUP
from trading_platform.defs.lanes import HISTORY_TAGS, QUIET
from trading_platform.defs.resources import PlatformParam

history = dg.define_asset_job(
    "history",
    selection=dg.AssetSelection.groups(GROUP),
    tags=HISTORY_TAGS,
    config=QUIET,
    description="One day's candles of every symbol and interval, from the venue's REST.",
)


@dg.schedule(
    job=history,
    cron_schedule="10 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_history(context: dg.ScheduleEvaluationContext, platform: PlatformParam) -> dg.RunRequest | dg.SkipReason:
    """Yesterday, ten minutes after its end: by the venue's clock in a replay."""
    settings = platform.settings
    now = context.scheduled_execution_time if settings.replay.folder is None else platform.clock.read().now
    day = now.date() - timedelta(days=1)
    if day < settings.history.start:
        return dg.SkipReason(f"{day} lies before history.start")
    return dg.RunRequest(partition_key=day.isoformat())
