"""What a Celery worker does besides executing runs: at its start it fails those that its predecessor left behind.

Imported by every worker (``celery worker -I``), before it takes its first message.
"""

from typing import Any

import dagster as dg
import structlog
from celery.signals import celeryd_after_setup

from trading_platform.defs.maintenance.orphaned_runs import TASK_TAG, fail_runs_without_worker

log = structlog.get_logger()


@celeryd_after_setup.connect
def fail_what_the_predecessor_left(sender: str, instance: Any, **_: Any) -> None:
    """A worker of the same name that was killed can't have ended its run: its task is still marked as started.

    Parameters
    ----------
    sender
        The worker's node name, for example ``trading@host``.
    instance
        The Celery worker.
    """
    app = instance.app

    def is_mine(run: dg.DagsterRun) -> bool:
        task_id = run.tags.get(TASK_TAG)
        if run.status is not dg.DagsterRunStatus.STARTED or task_id is None:
            return False
        task = app.AsyncResult(task_id)
        return task.state == "STARTED" and (task.info or {}).get("hostname") == sender

    with dg.DagsterInstance.get() as dagster:
        lost = fail_runs_without_worker(dagster, f"the worker {sender} was killed while it executed the run", is_mine)
    if lost:
        log.warning("failed_runs_of_killed_worker", worker=sender, runs=lost)
