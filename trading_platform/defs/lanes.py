"""Which jobs share what: queues are bulkheads between workers, lanes let one run pass at a time."""

from datetime import UTC, datetime

import dagster as dg

QUEUE_TAG = "dagster-celery/queue"
ACCOUNT_TAG = "trading/account"

MARKET_TAGS = {QUEUE_TAG: "market"}

HISTORY_POOL = "history"
"""dagster.yaml gives it one place: of a backfill's runs one leaves the queue at a time, even those started by hand in
the UI, so a refresh waits for a second or two at the most."""

HISTORY_TAGS = {**MARKET_TAGS, "dagster/priority": "-1"}

QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
"""Run config of every job: what it does is in the event log and the UI; a worker's console shows trouble only."""

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def trading_tags(account: str) -> dict[str, str]:
    """Tags of every run that may touch the account's money: its queue, and its lane of one."""
    return {QUEUE_TAG: "trading", ACCOUNT_TAG: account}


def is_active(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether a run of the job waits or runs."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job_name, statuses=ACTIVE)) > 0


def run_started_at(instance: dg.DagsterInstance, run_id: str) -> datetime | None:
    """Wall clock, when the run left the queue and began; None if the instance doesn't know it."""
    record = instance.get_run_record_by_id(run_id)
    return datetime.fromtimestamp(record.start_time, UTC) if record and record.start_time else None
