"""Keeping the state folder bounded (I9): old runs and their events go, and what was only kept for a while."""

from datetime import datetime, timedelta

import dagster as dg

from trading_platform.defs.lanes import MARKET_TAGS, QUIET
from trading_platform.defs.resources import PlatformParam
from trading_platform.services.prune_store import prune_store

BATCH = 200

_ENDED_WELL = [dg.DagsterRunStatus.SUCCESS]
_ENDED_BADLY = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dg.op(description="Delete ended runs beyond their retention, with their events, and prune journals and indicators.")
def delete_old_runs(context: dg.OpExecutionContext, platform: PlatformParam) -> None:
    """In batches, oldest first, so that a stop half-way has done half the work."""
    retention, now = platform.settings.retention, platform.clock.wall()
    deleted = sum(
        _delete_runs(context.instance, statuses, now - timedelta(hours=hours))
        for statuses, hours in (
            (_ENDED_WELL, retention.successful_run_hours),
            (_ENDED_BADLY, retention.failed_run_hours),
        )
    )
    pruned = platform.journal.prune(now - timedelta(hours=retention.check_result_hours))
    pruned += platform.streams.prune(now - timedelta(hours=retention.stream_change_hours))
    of_store = prune_store(
        platform.store,
        indicators_before=platform.clock.read().now - timedelta(hours=retention.indicator_hours),
        metrics_before=now - timedelta(hours=retention.metric_hours),
    )
    for what in of_store.postponed:
        context.log.warning("put off until the next night: %s", what)
    context.add_output_metadata(
        {
            "deleted_runs": deleted,
            "pruned_rows": pruned + of_store.rows,
            "put_off": ", ".join(of_store.postponed) or "nothing",
        }
    )


def _delete_runs(instance: dg.DagsterInstance, statuses: list[dg.DagsterRunStatus], before: datetime) -> int:
    deleted = 0
    old = dg.RunsFilter(statuses=statuses, updated_before=before)
    while records := instance.get_run_records(filters=old, limit=BATCH, ascending=True):
        for record in records:
            instance.delete_run(record.dagster_run.run_id)
        deleted += len(records)
    return deleted


@dg.job(
    tags=MARKET_TAGS,
    config=QUIET,
    description="Deletes old runs with their events, so that the state folder stays bounded.",
)
def retention() -> None:
    """The daily clean-up."""
    delete_old_runs()


@dg.schedule(
    job=retention,
    cron_schedule="17 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_retention() -> dg.RunRequest:
    """Every night at 03:17 UTC."""
    return dg.RunRequest()
